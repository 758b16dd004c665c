#!/usr/bin/env bash
# Installs the browser that the tests drive: on Debian, as root. What is there already stays as it is.
set -uo pipefail

for program in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
  [ -n "$program" ] && [ -x "$program" ] && exit 0
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
  echo "there is no Chromium here, and this script installs it on Debian as root only: set CHROMIUM to one" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq > /dev/null 2>&1
apt-get install -y -qq --no-install-recommends chromium fonts-noto-color-emoji fonts-dejavu-core > /dev/null 2>&1 || { echo "Chromium could not be installed" >&2; exit 1; }
