#!/usr/bin/env python3
"""Follows the alarms of an Anlan center: one JSON object a line, each alarm's every change once and in order.

    ANLAN_PASSWORD=… python3 alarm_stream.py --url http://127.0.0.1:8080 --user park --out alarms.jsonl

An example for third parties, see docs/protocols/live.md. It needs Python 3.9 and the package `websockets` (12 or newer).

How nothing is lost or doubled: every change in the alarm log has a cursor, and whoever subscribes with a cursor gets what came
behind it. Here the cursor is kept in the line itself, so that line and cursor cannot come apart: after a crash, however it came, a
line that is not whole is cut off, and the last whole one says where to go on. The lines are also printed, for whoever watches; a
program that wants each change exactly once reads the file.

Lines:
    {"cursor": C, "snapshot": [ALARM, …]}           the first one: alarms that were open when it began
    {"cursor": C, "change": CHANGE, "alarm": ALARM}  something happened to an alarm
    {"cursor": C, "change": CHANGE, "quiet": KEY}    something keeps an alarm quiet that does not stand, or no longer

It ends with 0 when it is interrupted and with 2 when it cannot be right: wrong password, a file that is not its own.
"""
import argparse, json, os, ssl, sys, time, urllib.error, urllib.request

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

# The center sends a heartbeat every second where it has nothing else to say.
SILENCE_S = 10
LONGEST_WAIT_S = 30


class GiveUp(Exception):
    """Trying again would not help."""


class Lines:
    """The file with the lines. One program at a time writes it."""

    def __init__(self, path):
        self.file = open(path, "a+b")
        self.cursor = None
        self.file.seek(0)
        whole = 0
        for line in self.file:
            if not line.endswith(b"\n"):
                break
            try:
                self.cursor = json.loads(line)["cursor"]
            except (ValueError, KeyError, TypeError) as error:
                raise GiveUp(f"{path}: byte {whole}: this is no line of this program; name another file") from error
            whole += len(line)
        # What the last run could not finish.
        self.file.truncate(whole)

    def add(self, value):
        line = json.dumps(value, ensure_ascii=False) + "\n"
        # The file first: what is only printed when this process is killed would be printed again.
        self.file.write(line.encode())
        self.file.flush()
        self.cursor = value["cursor"]
        sys.stdout.write(line)
        sys.stdout.flush()


def sign_in(url, user, password, tls):
    """Gives a token. A wrong password is not tried again: five of them lock the name for a quarter of an hour."""
    body = json.dumps({"username": user, "password": password}).encode()
    request = urllib.request.Request(url + "/api/v1/session", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10, context=tls) as answer:
            return json.load(answer)["token"]
    except urllib.error.HTTPError as error:
        said = error.read(2000).decode(errors="replace")
        if error.code in (400, 401, 403, 423):
            raise GiveUp(f"cannot sign in as {user}: HTTP {error.code}: {said}") from error
        raise OSError(f"cannot sign in: HTTP {error.code}: {said}") from error


def follow(url, token, lines, tls):
    """Writes lines until the stream ends; gives why."""
    live = url.replace("http", "ws", 1) + "/api/v1/live"
    headers = {"Authorization": f"Bearer {token}"}
    # The largest message is the first: up to a thousand open alarms.
    with connect(live, additional_headers=headers, ssl=tls, open_timeout=10, max_size=16 << 20) as stream:
        subscription = {"subscribe": {"alarms": {}}, "id": "alarms"}
        if lines.cursor is not None:
            subscription["resume"] = lines.cursor
        stream.send(json.dumps(subscription))
        while True:
            message = json.loads(stream.recv(timeout=SILENCE_S))
            kind = message["type"]
            if kind == "snapshot":
                lines.add({"cursor": message["cursor"], "snapshot": message["alarms"]})
            elif kind == "alarm":
                lines.add({key: message[key] for key in ("cursor", "change", "alarm")})
            elif kind == "quiet":
                lines.add({key: message[key] for key in ("cursor", "change", "quiet")})
            elif kind == "error":
                raise GiveUp(f"the center refuses the subscription: {message['code']}: {message['message']}")
            elif kind == "closing":
                return message["code"]
            # Heartbeats say that the center lives; alarms that are not durable yet come again as alarms when they are. Kinds that
            # this program does not know are passed over: later versions may have more.


def run(args):
    password = os.environ.get("ANLAN_PASSWORD")
    if not password:
        raise GiveUp("set ANLAN_PASSWORD; a password on the command line could be seen by others")
    tls = ssl.create_default_context(cafile=args.ca) if args.url.startswith("https:") else None
    lines, token, wait = Lines(args.out), None, 1
    while True:
        before = lines.cursor
        try:
            token = token or sign_in(args.url, args.user, password, tls)
            ended = follow(args.url, token, lines, tls)
            if ended == "session":
                token = None
        except InvalidStatus as error:
            ended = f"HTTP {error.response.status_code}"
            if error.response.status_code == 401:
                token = None
        except TimeoutError:
            ended = f"silent for {SILENCE_S} s"
        except (OSError, WebSocketException) as error:
            ended = str(error) or type(error).__name__
        # The wait doubles while nothing comes, and begins anew after something did.
        wait = 1 if lines.cursor != before else min(2 * wait, LONGEST_WAIT_S)
        print(f"the stream ended ({ended}); again in {wait} s", file=sys.stderr, flush=True)
        time.sleep(wait)


def main():
    parser = argparse.ArgumentParser(description="Follows the alarms of an Anlan center; ANLAN_PASSWORD has the password.")
    parser.add_argument("--url", required=True, help="the center, http://HOST:PORT or https://HOST")
    parser.add_argument("--user", required=True, help="whose scope decides which alarms are seen")
    parser.add_argument("--out", required=True, help="file that the lines are added to, and where the cursor is kept")
    parser.add_argument("--ca", help="authorities to trust (PEM), where they are not those of the system")
    args = parser.parse_args()
    args.url = args.url.rstrip("/")
    try:
        run(args)
    except GiveUp as error:
        print(f"alarm_stream: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
