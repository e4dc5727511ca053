#!/usr/bin/env bash
# Synapse 1.163.2 (PyPI), presence switched on as it is by default.
#
# Guess: sliding sync (MSC4186) is a sync, so whoever comes by it is shown as online to people who share a room, as with
# `/sync`; and `set_presence` in its query says otherwise where that is wanted.
#
# Seen: it neither sets presence nor takes `set_presence`. Somebody who only ever comes by sliding sync is `offline` for
# everybody, also while a request waits, and with `?set_presence=online`. One request to `/sync` makes the same person `online`.
# So a client that shows who is there tells little of people whose clients use sliding sync, and whoever moves a client from
# the one to the other stops telling presence without having changed anything.
#
# Output:
#   /sync                                  online
#   sliding sync                           offline
#   sliding sync, set_presence=online      offline
#   the same person, then /sync            online
#
# Needs python3 with venv; ends by itself within minutes, and fails when it sees anything else.
set -euo pipefail
dir=$(mktemp -d)
synapse=
trap '[ -z "$synapse" ] || kill "$synapse" 2>/dev/null; rm -rf "$dir"' EXIT

python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet matrix-synapse==1.163.2
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$dir/homeserver.yaml" <<CONFIG
server_name: localhost
pid_file: $dir/pid
listeners: [{port: $port, type: http, bind_addresses: [127.0.0.1], resources: [{names: [client]}]}]
database: {name: sqlite3, args: {database: $dir/homeserver.db}}
signing_key_path: $dir/signing.key
media_store_path: $dir/media
enable_registration: true
enable_registration_without_verification: true
report_stats: false
trusted_key_servers: []
suppress_key_server_warning: true
CONFIG
cd "$dir"
venv/bin/python -m synapse.app.homeserver -c homeserver.yaml --generate-keys >log 2>&1
venv/bin/python -m synapse.app.homeserver -c homeserver.yaml >>log 2>&1 &
synapse=$!

PORT=$port timeout 120 python3 - <<'PYTHON' | tee seen
import json, os, time, urllib.error, urllib.request

BASE = f"http://127.0.0.1:{os.environ['PORT']}/_matrix/client"


def ask(method, path, body=None, token=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data, method=method)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


for _ in range(300):
    try:
        ask("GET", "/versions")
        break
    except (urllib.error.URLError, ConnectionError):
        time.sleep(0.2)


def register(name):
    auth = {"type": "m.login.dummy"}
    body = {"username": name, "password": "a long enough password", "auth": auth}
    answer = ask("POST", "/v3/register", body)
    return answer["user_id"], answer["access_token"]


def slide(token, query=""):
    lists = {"all": {"ranges": [[0, 9]], "timeline_limit": 1, "required_state": []}}
    path = "/unstable/org.matrix.simplified_msc3575/sync"
    position = ask("POST", f"{path}?timeout=0{query}", {"lists": lists}, token)["pos"]
    ask("POST", f"{path}?timeout=3000&pos={position}{query}", {"lists": lists}, token)


watcher, watches = register("watcher")
plain, by_sync = register("plain")
sliding, by_sliding = register("sliding")
room = ask("POST", "/v3/createRoom", {"preset": "public_chat"}, watches)["room_id"]
for token in (by_sync, by_sliding):
    ask("POST", f"/v3/join/{room}", {}, token)


def shown(what, user):
    presence = ask("GET", f"/v3/presence/{user}/status", token=watches)["presence"]
    print(f"{what:<38} {presence}")


ask("GET", "/v3/sync?timeout=0", token=by_sync)
shown("/sync", plain)
slide(by_sliding)
shown("sliding sync", sliding)
slide(by_sliding, "&set_presence=online")
shown("sliding sync, set_presence=online", sliding)
ask("GET", "/v3/sync?timeout=0", token=by_sliding)
shown("the same person, then /sync", sliding)
PYTHON

diff - seen <<'EXPECTED'
/sync                                  online
sliding sync                           offline
sliding sync, set_presence=online      offline
the same person, then /sync            online
EXPECTED
echo 'as described'
