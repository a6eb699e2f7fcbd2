#!/bin/bash
# Boots this machine's own system once more, on a copy that is thrown away: a file system in memory over the real one, its own
# process, network, mount and control-group namespaces, systemd as process 1. What is installed there never touches the
# machine. Runs <dir>/script inside, as a service; its output is <dir>/output, its exit status <dir>/status.
#
# boot.sh <dir>          (as root)
set -euo pipefail
shared=$(realpath "$1")

if [[ ${BOOT_INSIDE:-} != yes ]]; then
    # It ends with whoever started it, and takes everything in it along.
    exec setpriv --pdeathsig KILL env BOOT_INSIDE=yes unshare --fork --kill-child --pid --mount --uts --ipc --net --cgroup "$0" "$shared"
fi

space=$(mktemp -d "$shared/boot.XXXXXX")
mount -t tmpfs -o mode=755 tmpfs "$space"
mkdir "$space"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$space/upper,workdir=$space/work" "$space/root"
cd "$space/root"

mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs $folder; done
chmod 1777 tmp
mkdir -p run/lock dev/shm dev/pts mnt/shared mnt/machine
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
while read -r name major minor; do mknod -m 666 "dev/$name" c "$major" "$minor"; done <<<'null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
console 5 1'
mount --bind "$shared" mnt/shared

# Nothing of the machine's own starts, and nothing keeps the package from starting what it brings.
rm -rf etc/systemd/system/*.wants usr/lib/systemd/system/*.wants usr/sbin/policy-rc.d
: >etc/fstab
cat >etc/systemd/system/inside.service <<'UNIT'
[Unit]
DefaultDependencies=no
SuccessAction=exit-force
FailureAction=exit-force
Wants=systemd-journald.service
After=systemd-journald.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c 'bash -eux /mnt/shared/script; echo $? >/mnt/shared/status'
ExecStopPost=/bin/bash -c 'test -e /mnt/shared/status || echo 1 >/mnt/shared/status'
StandardOutput=file:/mnt/shared/output
StandardError=file:/mnt/shared/output
UNIT
ip link set lo up

pivot_root . mnt/machine
cd /
umount -l /mnt/machine
# `container` keeps systemd from settings that are the whole kernel's.
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=inside.service --show-status=0
