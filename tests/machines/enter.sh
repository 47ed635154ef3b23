#!/bin/sh
# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# enter.sh TREE COMMAND…: makes TREE the root of this mount namespace and runs COMMAND there as root does after a login,
# with the machine's network. Fails too where COMMAND leaves something behind: a process, a file in a folder for
# temporary files, or a service that starts at the next boot. Runs as the first process of a process namespace.

set -eu
tree=$1
shift

mount --bind "$tree" "$tree"
cd "$tree"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
pivot_root . mnt
cd /
umount -l /mnt

# What is the same before a command and after it.
#
# What systemd enables of its own where it comes as a dependency is no service of ours.
kept() {
    {
        find /tmp /var/tmp -mindepth 1 ! -name '.*-unix' # which systemd makes when it is installed
        for link in /etc/systemd/system/*.target.wants/*.service /etc/systemd/system/*.wants/*.socket \
            /etc/rc[2-5].d/S*; do
            case $link in
            */getty@* | */systemd-*) ;;
            *) [ ! -L "$link" ] || echo "$link" ;;
            esac
        done
        for file in /usr/sbin/policy-rc.d*; do
            [ ! -e "$file" ] || echo "$file"
        done
        for process in /proc/[0-9]*; do
            [ "$process" = /proc/1 ] || ! read -r name 2>/dev/null <"$process/comm" || echo "a process: $name"
        done
    } >"$1"
    sort -o "$1" "$1"
}

kept /run/kept-before
status=0
env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb "$@" || status=$?
kept /run/kept-after
tries=0 # what Ansible leaves beside a process in the background ends some seconds after it
until cmp -s /run/kept-before /run/kept-after || [ "$tries" -ge 10 ]; do
    sleep 1
    tries=$((tries + 1))
    kept /run/kept-after
done
if ! diff /run/kept-before /run/kept-after >/run/kept; then
    echo "left behind (>) or removed (<) by $*:" >&2
    grep '^[<>]' /run/kept >&2
    [ "$status" != 0 ] || status=1
fi
exit "$status"
