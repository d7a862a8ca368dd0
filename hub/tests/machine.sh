#!/bin/sh
# Run a command in a machine within this one: systemd as process 1, a network of its own with nothing but loopback, and
# files that are those of this machine until something is written, and as before when the command has ended.
#
#     sudo hub/tests/machine.sh COMMAND...
#
# The course lies there at /srv/residual-networks, as in HUB.md. Needs Linux, root, systemd (installed, not
# necessarily running), util-linux, iproute2. No container engine: namespaces and an overlay are enough.
set -eu
course=$(cd "$(dirname "$0")/../.." && pwd)

if [ "${1-}" != "--inside" ]; then
    [ "$(id -u)" = 0 ] || { echo "machine.sh needs root, for users, mounts and limits: sudo $0 $*" >&2; exit 2; }
    for needed in unshare nsenter ip mkfs.ext4 /lib/systemd/systemd; do
        command -v $needed > /dev/null || { echo "machine.sh needs $needed (Debian: systemd util-linux iproute2 e2fsprogs)" >&2; exit 2; }
    done
    # A group of its own in each hierarchy of the kernel's resource control; it is the root of what systemd sees.
    group=class-hub-test.$$
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        hierarchies=/sys/fs/cgroup
        echo "+cpu +memory +pids" > /sys/fs/cgroup/cgroup.subtree_control
    else
        # All that systemd uses: in one without a group of ours it would write into the machine's own.
        hierarchies=$(cd /sys/fs/cgroup && ls -d "$PWD"/blkio "$PWD"/cpu "$PWD"/cpuacct "$PWD"/devices "$PWD"/memory \
            "$PWD"/pids "$PWD"/systemd "$PWD"/unified 2> /dev/null || true)
    fi
    folder=$(mktemp -d)
    (
        for hierarchy in $hierarchies; do
            mkdir "$hierarchy/$group"
            sh -c 'echo $PPID > "$0"' "$hierarchy/$group/cgroup.procs"
        done
        exec unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child=KILL sh "$0" --inside "$folder"
    ) > "$folder.log" 2>&1 &
    machine=$!
    init=
    end() {
        # Ending process 1 ends all processes of the machine; with the last of them its mounts and files are gone.
        [ -z "$init" ] || kill -KILL "$init" 2> /dev/null || true
        kill -KILL "$machine" 2> /dev/null || true
        wait "$machine" 2> /dev/null || true
        for hierarchy in $hierarchies; do
            for second in 1 2 3 4 5 6 7 8 9 10; do  # the kernel needs a moment for what it has to bury
                find "$hierarchy/$group" -depth -type d -exec rmdir {} + 2> /dev/null || true
                [ -d "$hierarchy/$group" ] || break
                sleep 1
            done
        done
        rmdir "$folder" && rm -f "$folder.log"
    }
    trap end EXIT
    trap 'exit 130' INT TERM
    tries=0
    until init=$(cat "/proc/$machine/task/$machine/children" 2> /dev/null | tr -d ' ') && [ -n "$init" ] &&
            [ "$(cat "/proc/$init/comm" 2> /dev/null)" = systemd ] &&
            nsenter -t "$init" -a systemctl is-system-running --quiet 2> /dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 120 ] && kill -0 "$machine" 2> /dev/null || { cat "$folder.log" >&2; echo "systemd did not start" >&2; exit 1; }
        sleep 0.5
    done
    nsenter -t "$init" -a systemctl start systemd-user-sessions  # the end of booting: from now on one may log in
    status=0
    nsenter -t "$init" -a env -i HOME=/root TERM="${TERM-dumb}" LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c 'cd /srv/residual-networks && exec "$@"' sh "$@" &
    wait $! || status=$?  # a shell that waits so hears Ctrl-C at once
    exit $status
fi

# From here on: process 1 of the new machine, before it is systemd.
folder=$2
mount --make-rprivate /
mount -t tmpfs -o mode=755 class-hub-test "$folder"
mkdir "$folder/changes" "$folder/work" "$folder/root"
mount -t overlay -o "lowerdir=/,upperdir=$folder/changes,workdir=$folder/work" overlay "$folder/root"
root=$folder/root
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
    mount -t tmpfs -o mode=755 cgroup "$root/sys/fs/cgroup"
    for name in cpu memory pids; do
        mkdir "$root/sys/fs/cgroup/$name"
        mount -t cgroup -o $name cgroup "$root/sys/fs/cgroup/$name"
    done
    mkdir "$root/sys/fs/cgroup/systemd"
    mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
fi
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
# As in HUB.md, and readable for everybody, wherever it lies here.
mkdir -p "$root/srv/residual-networks"
mount --bind "$course" "$root/srv/residual-networks"
for path in "$course" "$(readlink -f "$course/.venv/bin/python")" "$(readlink -f "$course/.venv")"; do
    while [ "$path" != / ]; do path=$(dirname "$path"); chmod a+x "$root$path"; done
done
mkdir "$root/before"
cd "$root"
pivot_root . before
umount -l /before
rmdir /before
ip link set lo up
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=basic.target
