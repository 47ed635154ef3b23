# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask registries through the engine. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, NamedTuple, Optional, Type, Union

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock, Retry
from ansible_collections.swarmops.rollout.plugins.module_utils._image import InvalidReference, Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import Credential, Keychain
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import (
    AccessRefused,
    Answer,
    MissingImage,
    Resolved,
    UnresolvedImage,
    platforms_of,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


ACCESS_TEXTS = ("no basic auth credentials", "unauthorized", "denied", "authentication required", "forbidden")
ACCESS_STATUSES = (401, 403)
REFUSED_TEXTS = ("unauthorized: ", "401 unauthorized", "incorrect username or password")  # in an engine's own 500
MISSING_STATUS = 404
MISSING_TEXTS = ("manifest unknown", "name unknown")  # the specification's codes; other 404s can be anybody's


class HandedOn(NamedTuple):
    """The credential to store with a service (None: keep what it has), and a warning if that is another registry's."""

    credential: Optional[Credential] = None
    warning: str = ""


class Resolver:
    """Asks each reference's registry once, with the credential that the keychain has for it.

    Raises InvalidInput if the options would send credentials where others can read them.
    """

    def __init__(self, engine: Engine, keychain: Keychain, clock: Clock) -> None:
        if keychain.is_given or (engine.is_encrypted and not keychain.inherits):
            _check_line(engine, "registries")
        self._engine = engine
        self._keychain = keychain
        self._clock = clock
        self._answers: Dict[str, Answer] = {}

    def ask(self, reference: Reference) -> Answer:
        """The registry's answer, or why there is none. Raises CredentialError, InvalidInput, EngineError."""
        key = reference.with_default_tag().canonical
        if key not in self._answers:
            self._answers[key] = self._ask(reference.with_default_tag())
        return self._answers[key]

    def hand_on(self, reference: Reference, image: str) -> HandedOn:
        """The credential to store with a service whose image changes from `image` to the reference.

        The engine keeps what a service has stored unless it is sent another credential, even an empty one (moby,
        daemon/cluster/services.go). Raises CredentialError, and InvalidInput as `credential` does.
        """
        credential = self.credential(reference)
        former = _domain_of(image)
        if credential is not None or former == reference.domain:
            return HandedOn(credential)
        if not self._keychain.inherits:
            return HandedOn(Credential())
        return HandedOn(warning=_warning_of_move(former, reference.domain) if former else "")

    def credential(self, reference: Reference) -> Optional[Credential]:
        """The credential for the reference's registry; None if there is none.

        Raises CredentialError, and InvalidInput if others could read what is sent to the engine.
        """
        credential = self._keychain.find(reference.domain)
        if credential is not None:
            _check_line(self._engine, reference.domain)
        return credential

    def _ask(self, reference: Reference) -> Answer:
        credential = self.credential(reference)
        retry = Retry(self._clock, self._engine)
        header = credential.header() if credential else None
        try:
            answer = retry.read(lambda: self._inspect(reference, header))
            if isinstance(answer, errors.EngineError):
                return _unresolved(reference, answer, credential)
            digest = str(answer["Descriptor"]["digest"])
            return Resolved(reference.with_digest(digest).digest or "", platforms_of(answer))
        except InvalidReference as error:
            return UnresolvedImage(f"The registry of {reference.familiar} returned no usable digest: {error}")

    def _inspect(self, reference: Reference, header: Optional[str]) -> Union[errors.EngineError, types.Distribution]:
        """Ask once. A registry that refuses, is slow or is down has answered too, and is not asked again."""
        try:
            return self._engine.distribution(reference.canonical, header)
        except (errors.ApiError, errors.AnswerLost, errors.BadAnswer) as error:
            return error


def _check_line(engine: Engine, registries: str) -> None:
    """Check that nobody else can read what is sent to the engine. Raises InvalidInput."""
    if engine.keeps_secrets:
        return
    if engine.is_encrypted:
        raise errors.InvalidInput(
            f"The credentials for {registries} would go to a machine whose certificate is not checked, since "
            "validate_certs is false. Set validate_certs=true, and ca_path to the authority that signed the "
            "engine's certificate, or use the manager's own socket."
        )
    raise errors.InvalidInput(
        f"The credentials for {registries} would go over an unencrypted connection to another machine. "
        "Use the manager's own socket, or https:// with the TLS options."
    )


def _domain_of(image: str) -> Optional[str]:
    """The registry of a stored image; None for an invalid reference."""
    try:
        return Reference.parse(image).domain
    except InvalidReference:
        return None


def _warning_of_move(former: str, domain: str) -> str:
    return (
        f"The image moves from the registry {former} to {domain}. With registry_auth=inherit the service keeps the "
        f"credentials that it may have for {former}, and its nodes send them to {domain} if it asks for any. "
        "To avoid that, use registry_auth=docker_config, or registry_username and registry_password."
    )


def _unresolved(reference: Reference, error: errors.EngineError, credential: Optional[Credential]) -> UnresolvedImage:
    secrets = credential.secrets if credential else []
    if not isinstance(error, errors.ApiError):
        return UnresolvedImage(
            f"The registry {reference.domain} returned no digest for {reference.familiar}: "
            f"{errors.quote(str(error), secrets)}"
        )
    if isinstance(error, errors.NotAllowed):
        return UnresolvedImage(f"No digest for {reference.familiar} was requested: {error.scrubbed(secrets)}")
    reason = _said_once(error.scrubbed(secrets).reason.rstrip("."))
    hint = _access_hint(reference.domain, credential) if _is_about_access(error) else ""
    return _kind_of(error)(
        f"The registry {reference.domain} returned no digest for {reference.familiar} ({error.status}: {reason}).{hint}"
    )


def _said_once(reason: str) -> str:
    """A registry's code and message, but once where they are equal, as in `manifest unknown: manifest unknown`."""
    code, _colon, message = reason.partition(": ")
    return message if code == message else reason


def _kind_of(error: errors.ApiError) -> Type[UnresolvedImage]:
    """The class of a registry's refusal; only what cannot mean anything else is definite."""
    text = error.reason.lower()
    if error.status == MISSING_STATUS and any(known in text for known in MISSING_TEXTS):
        return MissingImage
    is_refused = error.status in ACCESS_STATUSES or any(known in text for known in REFUSED_TEXTS)
    return AccessRefused if is_refused else UnresolvedImage


def _is_about_access(error: errors.ApiError) -> bool:
    return error.status in ACCESS_STATUSES or any(text in error.reason.lower() for text in ACCESS_TEXTS)


def _access_hint(domain: str, credential: Optional[Credential]) -> str:
    if credential is None:
        return (
            f" It was asked without credentials, as none were given for {domain}: use registry_auth=docker_config, or "
            "registry_username and registry_password."
        )
    return f" It was asked with credentials for {credential.server}: are they right, and do they allow this repository?"
