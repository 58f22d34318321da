#!/bin/sh
# The browser tests need a Chromium. Use the one that is there, else install Debian's, else say what to do.
set -eu
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
if ! command -v apt-get >/dev/null; then
    echo "The browser tests need Chromium: install it so that the command 'chromium' is found." >&2
    exit 1
fi
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo"
$as_root apt-get update
$as_root apt-get install --yes --no-install-recommends chromium
