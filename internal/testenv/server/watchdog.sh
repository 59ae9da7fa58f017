# Usage: sh -c "$(cat watchdog.sh)" name DIR remove|keep
# Waits until standard input ends, which is when the process that started the
# servers in DIR has gone. Then ends what still runs there and, with "remove",
# removes DIR.
dir=$1
mode=$2
trap '' HUP INT TERM
while read -r _; do :; done
[ -d "$dir" ] || exit 0

# Prints "PID NAME" of every server process that works inside DIR. A name must
# match as well: somebody's shell may stand in there.
servers() {
	if [ -e /proc/self/cwd ]; then
		for p in /proc/[0-9]*; do
			read -r name 2>/dev/null <"$p/comm" || continue
			case $name in redis-* | valkey-* | postgres | initdb) ;; *) continue ;; esac
			case $(readlink "$p/cwd" 2>/dev/null) in
			"$dir" | "$dir"/*) echo "${p#/proc/} $name" ;;
			esac
		done
		return
	fi
	for f in "$dir"/*.pid; do
		read -r pid 2>/dev/null <"$f" || continue
		name=$(ps -p "$pid" -o comm= 2>/dev/null) || continue
		case ${name##*/} in redis-* | valkey-* | postgres*) ;; *) continue ;; esac
		for child in $(pgrep -P "$pid"); do echo "$child ${name##*/}"; done
		echo "$pid ${name##*/}"
	done
}

# Postgres frees its shared memory when it gets SIGQUIT. A stopped process
# takes no signal but SIGKILL before it is continued.
servers | while read -r pid name; do
	case $name in
	postgres*) kill -QUIT "$pid"; kill -CONT "$pid" ;;
	*) kill -KILL "$pid" ;;
	esac 2>/dev/null
done
i=0
while [ $i -lt 30 ] && [ -n "$(servers)" ]; do
	sleep 0.1
	i=$((i + 1))
done
servers | while read -r pid name; do kill -KILL "$pid" 2>/dev/null; done

case $mode:$dir in
remove:*/echoic-test-*) rm -rf "$dir" ;;
esac
exit 0
