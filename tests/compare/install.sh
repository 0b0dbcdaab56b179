#!/bin/sh
# Installs what Muara is compared with, from Debian 12 and npm. As root. Says what it does; starts nothing, and makes no database.
#   sh tests/compare/install.sh [folder for Node-RED, /tmp/muara-compare-node]
set -eu
node="${1:-/tmp/muara-compare-node}"
export DEBIAN_FRONTEND=noninteractive
# Debian 12's Ruby brings a younger bundler of its own, which does not find Debian's gems; this is the one that Debian mends.
export BUNDLER_VERSION=2.3.15

echo "== Redmine, Request Tracker and Dovecot from Debian (no database is set up by their packages)"
debconf-set-selections <<'ANSWERS'
redmine redmine/instances/default/dbconfig-install boolean false
request-tracker5 request-tracker5/dbconfig-install boolean false
request-tracker5 request-tracker5/handle-siteconfig-permissions boolean false
ANSWERS
apt-get install -y --no-install-recommends postgresql dovecot-imapd \
    redmine redmine-pgsql puma request-tracker5 rt5-db-postgresql rt5-standalone starlet

echo "== Node-RED 4.1.15 (the last line that runs on Node 20) and pg, into $node"
mkdir -p "$node"
cd "$node"
[ -e package.json ] || npm init -y >/dev/null
npm install --no-audit --no-fund --omit=optional node-red@4.1.15 pg@8
echo "== done"
