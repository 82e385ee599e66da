# What cases of a QEMU machine say. Sourced by tests/system/machine, which sets: work, kernel.
# shellcheck shell=bash

instance_id=i-0123456789abcdef0

# With the same SEED cases choose the same random moments.
RANDOM=$((${SEED:-$(date +%s)} % 32768))

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# More of the machine, as QEMU's arguments, which a case may set.
machine_options=()

# power_on [WORD...]: starts the machine, with more words on the kernel's command line. What EC2's firmware says, its NVMe
# disk and the address of its metadata service are there. A newer processor would be slower to emulate, and without its
# random numbers the kernel would gather some for a second. Programs at random addresses would be translated anew each
# time they run, for half as long again; AppArmor compiles its profiles in each boot, so that only those who ask for it by
# apparmor=1 have it.
power_on() {
    rm -f "$work/control"
    qemu-system-x86_64 -accel tcg,thread=multi,tb-size=512 -cpu Nehalem,+rdrand -M q35 -m 1024 -smp 2 \
        -display none -nodefaults -no-reboot -serial "file:$work/console" \
        -kernel "$kernel" -append "root=/dev/nvme0n1 rw rootfstype=ext4 console=ttyS0 quiet systemd.show_status=0 \
mitigations=off norandmaps random.trust_cpu=on net.ifnames=0 apparmor=0 $*" \
        -drive "file=$work/disk.qcow2,if=none,id=disk,format=qcow2" -device nvme,drive=disk,serial=vol0123456789 \
        -netdev "user,id=net,restrict=on,net=169.254.0.0/16,guestfwd=tcp:169.254.169.254:80-cmd:socat - TCP:169.254.169.254:80" \
        -device virtio-net-pci,netdev=net,romfile= \
        -device virtio-serial-pci -chardev "socket,id=control,path=$work/control,server=on,wait=off" \
        -device virtserialport,chardev=control,name=control \
        -smbios "type=0,vendor=Amazon EC2,version=1.0" \
        -smbios "type=1,manufacturer=Amazon EC2,product=m7i.large,uuid=ec2f0a1b-2c3d-4e5f-8091-a2b3c4d5e6f7" \
        -smbios "type=2,manufacturer=Amazon EC2,asset=$instance_id" -smbios "type=3,manufacturer=Amazon EC2,asset=Amazon EC2" \
        "${machine_options[@]}" &
    machine=$!
    local deadline=$((SECONDS + 10))
    until [ -S "$work/control" ]; do
        [ "$SECONDS" -lt "$deadline" ] || fail "QEMU does not start"
        sleep 0.1
    done
    coproc socat - "UNIX-CONNECT:$work/control"
    control=$COPROC_PID
    # Subshells have no descriptors of a coprocess, but they have copies of them.
    exec {control_in}>&"${COPROC[1]}" {control_out}<&"${COPROC[0]}"
}

# Deadlines are generous: an emulated machine beside other work may take minutes for what takes it 20 seconds alone.
patience=400

# Waits until the guest takes commands.
await_shell() {
    local line
    read -r -t "$patience" -u "$control_out" line || fail "the guest takes no commands after $patience s"
    [ "$line" = READY ] || fail "the guest's shell says $line"
}

# Runs a command line in the guest; prints what it prints, ends with its status.
run() {
    local status output
    printf '%s\n' "$(base64 --wrap=0 <<<"$*")" >&"$control_in"
    read -r -t "$((patience + 60))" -u "$control_out" status output || fail "the guest does not answer: $*"
    base64 --decode <<<"$output"
    return "$status"
}

cut_power() {
    kill -s KILL "$machine"
    wait "$machine" 2>/dev/null || true
    hang_up
}

hang_up() {
    exec {control_in}>&- {control_out}<&-
    wait "$control" 2>/dev/null || true
}

# What moments the power was cut at.
cuts=()

# Milliseconds of processor time that the machine has taken: how far its boot is, however busy this host.
machine_time() {
    awk -v ticks="$(getconf CLK_TCK)" '{ print int(($14 + $15) * 1000 / ticks) }' "/proc/$machine/stat"
}

# cut_power_while_starting MILLISECONDS of the machine's processor time.
cut_power_while_starting() {
    local deadline=$((SECONDS + patience))
    until [ "$(machine_time)" -ge "$1" ]; do
        [ "$SECONDS" -lt "$deadline" ] || fail "the machine did not take $1 ms of processor time in $patience s"
        sleep 0.05
    done
    cuts+=("$1")
    cut_power
}

# Boots to healthy, and looks at what cuts left of the files.
boot_after_cuts() {
    power_on
    await_shell
    await_healthy
    local torn
    torn=$(run "cat /run/lab-intact")
    [ -z "$torn" ] || fail "after power cuts at ${cuts[*]} ms: $torn"
}

await_power_off() {
    local deadline=$((SECONDS + patience))
    while kill -0 "$machine" 2>/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || fail "the machine does not go down"
        sleep 0.2
    done
    wait "$machine" || fail "QEMU ended with status $?"
    hang_up
}

await_healthy() {
    run ecs-nanny wait --for healthy --timeout $patience >"$work/waited" 2>&1 || {
        run "journalctl --boot --quiet --no-pager --lines=60; docker ps --all; docker logs ecs-agent; ls -laR /var/lib/ecs" || true
        fail "not healthy: $(tail -n 1 "$work/waited")"
    }
}
