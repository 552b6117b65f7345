# Brings Debian's packages where this may be done; sourced by the other scripts here.

# bring WHAT-FOR PACKAGE...
bring() {
    local what_for=$1
    shift
    if ! command -v apt-get >/dev/null; then
        echo "$what_for needs what Debian and Ubuntu call: $*. Install it and try again." >&2
        return 1
    elif [ "$(id -u)" != 0 ]; then
        echo "$what_for needs: sudo apt-get install $*" >&2
        return 1
    fi
    echo "Installing for $what_for: $*"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
