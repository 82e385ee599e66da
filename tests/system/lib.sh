# What cases say. Sourced by tests/system/case, which sets: root (the guest's file system), work (its directory),
# case_directory, suite, lab (the lab's programs).
# shellcheck shell=bash

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# check WHAT COMMAND…: the command has to succeed.
check() {
    local what=$1
    shift
    "$@" || fail "$what"
}

# eventually SECONDS WHAT COMMAND…: it has to succeed within that time.
eventually() {
    local deadline=$((SECONDS + $1)) seconds=$1 what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || fail "$what: not within $seconds s"
        sleep 0.1
    done
}

# More arguments of systemd-nspawn, which a case may set.
nspawn_options=()

# Boots the guest and returns when its systemd takes orders.
boot() {
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --boot --register=no --keep-unit \
        --machine="$machine" --directory="$root" --network-veth-extra=gateway:ens5 \
        --bind="$work/docker:/var/lib/docker" --bind="$work/containerd:/var/lib/containerd" \
        --capability=CAP_NET_ADMIN --system-call-filter='add_key keyctl bpf' \
        "${nspawn_options[@]}" --console=pipe --kill-signal=SIGRTMIN+3 </dev/null >>"$work/console" 2>&1 &
    nspawn=$!
    eventually 20 "the guest's first process" leader_runs
    leader=$(leader_runs)
    eventually 10 "the guest's interface" ip address replace 10.0.0.1/24 dev gateway
    ip link set gateway up
    eventually 30 "the guest's systemd" in_guest systemctl show --property=Version
}

# The guest's first process: the child of nspawn that is number 1 inside.
leader_runs() {
    local child
    for child in $(pgrep --parent "$nspawn"); do
        if awk '$1 == "NSpid:" && $NF == 1 { found = 1 } END { exit !found }' "/proc/$child/status"; then
            echo "$child"
            return
        fi
    done
    return 1
}

# Runs a command in the guest.
in_guest() {
    nsenter --target "$leader" --all -- /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LANG=C.UTF-8 "$@"
}

# Waits for the end of the guest, however it was asked for; answers with nspawn's status.
await_end() {
    local deadline=$((SECONDS + 60))
    while kill -0 "$nspawn" 2>/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || fail "the guest does not go down"
        sleep 0.1
    done
    wait "$nspawn"
}

power_off() {
    kill -s RTMIN+4 "$leader"
    await_end
}

# The guest goes down as an operator has it go, and boots again.
reboot() {
    local status=0
    in_guest systemctl reboot || true
    await_end || status=$?
    [ "$status" = 133 ] || fail "no reboot: systemd-nspawn ended with $status"
    boot
}

# The guest dies as a machine whose power is cut, but for its page cache.
cut_power() {
    kill -s KILL "$leader"
    await_end || true
}

nanny_pid() {
    in_guest systemctl show --property=MainPID --value ecs-nanny.service
}

# phase_becomes PHASE [SECONDS]
phase_becomes() {
    in_guest ecs-nanny wait --for "$1" --timeout "${2:-60}" >/dev/null 2>"$work/waited" ||
        fail "the phase is not $1: $(tail -n 1 "$work/waited")"
}

# `status` ends with 1 when the host is not healthy, so these look at what it prints alone.
phase_is() {
    grep -q "\"phase\": \"$1\"" < <(in_guest ecs-nanny status --format json)
}

# The phase with its reason, as health says it.
reason_is() {
    grep -q "\"reason\": \"$1\"" < <(in_guest ecs-nanny status --format json)
}

unit_is() {
    [ "$(in_guest systemctl show --property=ActiveState --value "$2")" = "$1" ]
}

# health_has FILTER: a jq filter of the health document answers with something.
health_has() {
    in_guest cat /run/ecs-nanny/health.json | jq --exit-status "$1"
}

# Whether the phase has been what it is for so many seconds.
phase_lasts() {
    local since
    since=$(health_has .since | tr --delete '"')
    [ $(($(date +%s) - $(date --date="$since" +%s))) -ge "$1" ]
}

# What systemd says of the nanny: STATUS= of the service.
status_text() {
    in_guest systemctl show --property=StatusText --value ecs-nanny.service
}

status_says() {
    [[ $(status_text) == *"$1"* ]]
}

agent() {
    in_guest docker inspect --format "$1" ecs-agent
}

# An ordinary container, beside the agent.
start_ordinary() {
    in_guest docker load --quiet --input /var/cache/lab/ordinary.tar >/dev/null
    in_guest docker run --detach --name ordinary lab/ordinary:latest >/dev/null
}

ordinary() {
    in_guest docker inspect --format "$1" ordinary
}

# The nanny's records since the guest was first booted.
records() {
    journalctl --directory="$root/var/log/journal" --quiet --output=cat --no-pager "$@" SYSLOG_IDENTIFIER=ecs-nanny
}

# Sets faults of the metadata service, as JSON.
imds_faults() {
    local answer
    answer=$(curl --silent --show-error --max-time 5 --unix-socket "$work/imds" \
        --request PUT --data "$1" http://lab/faults) || fail "the metadata service's control: $answer"
}

# Sets what the metadata service says, as JSON.
imds_values() {
    local answer
    answer=$(curl --silent --show-error --max-time 5 --unix-socket "$work/imds" \
        --request PUT --data "$1" http://lab/values) || fail "the metadata service's control: $answer"
}

# Serves the AWS endpoints that acting calls, where the guest reaches them: $aws_address.
aws_address=169.254.169.254:8080
serve_aws() {
    "$lab/ecs-nanny-lab" aws --listen "$aws_address" --control "$work/aws" &
    eventually 10 "the AWS endpoints" aws_says calls
}

# aws_says calls: what was called, with a right signature. aws_says unsigned: what was wrong with other requests.
aws_says() {
    curl --silent --show-error --fail --max-time 5 --unix-socket "$work/aws" "http://lab/$1"
}

# Whether a call with these words was made; a program's own words end with quotes.
was_called() {
    local word calls
    calls=$(aws_says calls)
    for word; do
        [[ $calls == *"$word"* ]] || return 1
    done
}

# Files of the guest, given as a tree, over what it has.
put_files() {
    cp --recursive --no-target-directory "$1" "$root"
}

# settings NAME <<TOML: a settings file of the guest.
settings() {
    mkdir -p "$root/etc/ecs-nanny/config.d"
    cat >"$root/etc/ecs-nanny/config.d/$1"
}

# Each line of the file `journal` of the case is an extended regular expression; records match them in this order.
check_journal() {
    local wanted=$1 line pattern
    local -a patterns
    mapfile -t patterns < <(grep -v '^#' "$wanted")
    local next=0
    while IFS= read -r line && [ "$next" -lt "${#patterns[@]}" ]; do
        pattern=${patterns[$next]}
        [[ ! $line =~ $pattern ]] || next=$((next + 1))
    done < <(records)
    [ "$next" = "${#patterns[@]}" ] || fail "no record matches, after the ones before: ${patterns[$next]}"
}

# Runs a command in the guest's files before the guest is booted.
in_root() {
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" >>"$work/told/in-root" 2>&1 ||
        fail "before the boot: $*: $(tail -n 1 "$work/told/in-root")"
}

another_nanny_than() {
    local now
    now=$(nanny_pid)
    [ "$now" != 0 ] && [ "$now" != "$1" ]
}

agent_runs() {
    [ "$(agent '{{.State.Running}}')" = true ]
}

# Health says these words somewhere.
says() {
    grep -qF "$1" < <(in_guest ecs-nanny status)
}

# Anybody's record matches.
in_journal() {
    grep -qE "$1" < <(journalctl --directory="$root/var/log/journal" --quiet --no-pager --output=cat)
}
