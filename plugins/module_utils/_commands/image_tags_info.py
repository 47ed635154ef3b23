# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the newest tag of a repository by a rule. Private to this collection."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import Host, Params, RegistryOptions
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.access import Access
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.manifest import written
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.repository import Image, Repository
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.tags import (
    ByPattern,
    ByVersion,
    Place,
    check_suffix,
    is_known,
    later_tags,
    suffix_of,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.versions import Range
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.web import (
    RegistryError,
    Send,
    Trust,
    Web,
    is_loopback,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import Credential
    from ansible_collections.swarmops.rollout.plugins.module_utils._registry.tags import Rule

    Candidate = Dict[str, Any]

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
MOST_AGES = 100  # tags whose age is asked for
MOST_SHOWN = 100  # candidates in a result
_AGE = re.compile(r"(\d{1,9})([smhdw]?)", re.ASCII)


class Options(NamedTuple):
    """The options of image_tags_info. `reference` is the repository alone, `min_age` in seconds."""

    reference: Reference
    current: str
    rule: Rule
    min_age: int
    registry: RegistryOptions
    trust: Trust
    timeout: int

    @classmethod
    def parse(cls, params: Params) -> Options:
        """Read the options. Raises InvalidInput."""
        reference = Reference.parse(params["repository"])
        current = _current(reference, params["current"])
        return cls(
            replace(reference, tag=None, digest=None),
            current,
            _rule(params, current),
            _min_age(params["min_age"]),
            RegistryOptions.parse(params),
            _trust(params),
            params["timeout"],
        )


def find_tag(send: Send, params: Params, host: Host) -> Dict[str, Any]:
    """Do the work of image_tags_info, which reads only. Raises RolloutError."""
    options = Options.parse(params)
    repository = _repository(options, send, host)
    tags = repository.tags()
    later = later_tags(tags, options.rule, options.current)
    candidates, chosen = choose(later, options, repository.image, time.time())
    result: Dict[str, Any] = {"changed": False, "newer": chosen is not None, "candidates": candidates}
    result.update(_chosen(options.reference, candidates[-1]["tag"], chosen) if chosen else _nothing())
    if not is_known(tags, options.rule):
        name = options.reference.familiar_repository
        told = f"Of the {len(tags)} tags of {name}, the rule fits none. Is the suffix right, or the pattern?"
        result["warnings"] = [told]
    return result


def choose(
    later: List[Place], options: Options, look: Callable[[str], Optional[Image]], now: float
) -> Tuple[List[Candidate], Optional[Image]]:
    """Go from the last tag towards the one in use, until one is fit. Returns what was seen of each, and its image.

    `look` asks the registry what a tag holds. Raises RegistryError.
    """
    candidates: List[Candidate] = []
    looks = 0
    for place in later:
        image = None
        why = place.passed_over
        if not why:
            looks += 1
            if looks > MOST_AGES:
                raise RegistryError(
                    f"The {MOST_AGES} newest tags that fit are all younger than min_age, or their age is not known; no "
                    "more are asked for. Have semver or pattern match fewer tags."
                )
            image = look(options.reference.with_tag(place.tag).tag or "")
            why = _why_not(image, options.min_age, now)
        created = written(image.created) if image and image.created is not None else None
        candidates = candidates[: MOST_SHOWN - 1]
        candidates.append({"tag": place.tag, "created": created, "passed_over": why or None})
        if not why:
            return candidates, image
    return candidates, None


def _why_not(image: Optional[Image], min_age: int, now: float) -> str:
    """Why an image is passed over; empty if it is not."""
    if image is None:
        return "The registry lists it, and has no image for it."
    if not min_age:
        return ""
    if image.created is None:
        return "It is not known when it was created, so it does not count as old enough."
    return "" if now - image.created >= min_age else "It is younger than min_age."


def _chosen(reference: Reference, tag: str, image: Image) -> Dict[str, Any]:
    return {
        "tag": tag,
        "reference": reference.with_tag(tag).with_digest(image.digest).familiar,
        "digest": image.digest,
        "created": None if image.created is None else written(image.created),
    }


def _nothing() -> Dict[str, Any]:
    return {"tag": None, "reference": None, "digest": None, "created": None}


def _current(reference: Reference, given: Optional[str]) -> str:
    """The tag in use; empty if none is named."""
    named = reference.tag
    if given and named and given != named:
        raise errors.InvalidInput(f"repository has the tag {named}, and current is {errors.quote(given)}: give one.")
    return reference.with_tag(given).tag or "" if given else named or ""


def _rule(params: Params, current: str) -> Rule:
    wanted = Range.parse(params["semver"]) if params["semver"] is not None else None
    if params["pattern"] is not None:
        if params["suffix"] is not None:
            raise errors.InvalidInput(
                "suffix goes with semver; with pattern, put what follows the version into the pattern."
            )
        return ByPattern.parse(params["pattern"], params["order"], wanted, params["prerelease"])
    if wanted is None:
        raise errors.InvalidInput("Neither semver nor pattern is given, so it is not known which tags are meant.")
    suffix = suffix_of(current) if params["suffix"] is None else check_suffix(params["suffix"])
    return ByVersion(wanted, suffix, params["prerelease"])


def _min_age(text: Optional[str]) -> int:
    """An age in seconds; 0 for none."""
    found = _AGE.fullmatch(text.strip()) if text is not None else None
    if text is not None and found is None:
        raise errors.InvalidInput(
            f"min_age is {errors.quote(text)!r}; it is a number of seconds, or one with s, m, h, d or w behind it, as "
            "in 7d."
        )
    return int(found.group(1)) * UNITS[found.group(2)] if found else 0


def _trust(params: Params) -> Trust:
    path = params["ca_path"]
    try:
        if path:
            open(path, "rb").close()
    except OSError as error:
        raise errors.InvalidInput(f"ca_path: {path} cannot be read: {error.strerror}.") from None
    return Trust(params["validate_certs"], path or None)


def _repository(options: Options, send: Send, host: Host) -> Repository:
    """Make what reads the repository. Raises InvalidInput, also where a credential would be sent unprotected."""
    domain = options.reference.domain
    is_local = is_loopback(domain)
    credential = _credential(options, host)
    if credential is not None and not options.trust.validate_certs and not is_local:
        raise errors.InvalidInput(
            f"The credentials for {domain} would go to a registry whose certificate is not checked, since "
            "validate_certs is false. Set ca_path to the authority that signed its certificate."
        )
    web = Web(send, Clock(), options.timeout, options.trust, is_local)
    access = Access(web, options.reference.path, credential, options.trust.validate_certs)
    return Repository(web, access, options.reference)


def _credential(options: Options, host: Host) -> Optional[Credential]:
    return options.registry.keychain(host.run_program).find(options.reference.domain)
