# Does the actions that it is given and records them: job.sh FOLDER TAG ACTION...
# A record is a file FOLDER/KIND.TAG.JOB.ATTEMPT.PID: its time tells when, its content is an exit code or a signal's number.
# KIND: S started, E exits, K kills itself, B and b a background child began and ended.
folder=$1 tag=$2
shift 2
record() { echo "$2" >"$folder/$1.$tag.$JOB_ID.$PROCTRACKER_ATTEMPT.${3:-$$}"; }
leave() {
    record E "$1"
    exit "$1"
}
background() {
    record B 0 "$1"
    sleep "$2"
    record b 0 "$1"
}
trapped=
nap() {
    if [ -z "$trapped" ]; then
        sleep "$1"
    else
        sleep "$1" &
        napping=$!
        wait "$napping"
    fi
}

record S 0
for action; do
    value=${action#*:}
    case $action in
    trap:*)
        trapped=$value
        trap 'kill "$napping" 2>/dev/null; leave "$trapped"' TERM INT
        ;;
    deaf) trap '' TERM INT ;;
    sleep:*) nap "$value" ;;
    exit:*) leave "$value" ;;
    kill:*)
        record K "$value"
        kill "-$value" $$
        ;;
    flaky:*) [ "$PROCTRACKER_ATTEMPT" -ge "$value" ] || leave 7 ;;
    child:*) background child "$value" & ;;
    output:*) head -c "$value" /dev/zero ;;
    esac
done
leave 0
