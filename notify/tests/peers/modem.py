"""A GSM modem on a pseudo-terminal that shares no code with the sender; messages are decoded by python-gsmmodem-new.

    modem.py LINK

It makes a terminal, lets the symbolic link LINK point at it and prints a line. Then it reads orders, each a JSON object on a
line that replaces what it knows by default; "plug" and "unplug" in "do" put the terminal there and take it away, "say" sends
text unasked. For every message that it is handed it prints one JSON line: what it decoded, whole, and how.

Orders:
  pin       PIN that it wants, or null; it counts tries, and blocks the SIM at the third wrong one
  no_cpinr  it does not tell how many tries are left
  creg      what it answers to AT+CREG?, one after another; the last one stays
  refuse    commands (without AT) with what it answers to them in place of OK
  mute      commands that it does not answer at all
  noise     text before every answer
  echo      whether it repeats what it hears, until ATE0
  cmgs      what becomes of messages, one after another; the last one stays: "ok", "noprompt", "latewords" (another answer
            before the prompt), "silent", "half" (the begin of an answer), "unplug", "reset", or an answer such as
            "+CMS ERROR: 38"
  report    status of the report that follows a message, hexadecimal, or null
  count     commands to be counted are always counted: "counts" in "do" prints them
"""
import json, os, pty, select, sys, threading, time, tty

import gsmmodem.pdu
from gsmmodem.pdu import decodeSmsPdu

# Version 0.13.0 has a grave accent where 3GPP TS 23.038, 6.2.1, has the section sign (5F), as every other decoder does.
gsmmodem.pdu.GSM7_BASIC = gsmmodem.pdu.GSM7_BASIC[:0x5F] + "§" + gsmmodem.pdu.GSM7_BASIC[0x60:]

LINK = sys.argv[1]
DEFAULT = {"pin": None, "no_cpinr": False, "creg": ["0,1"], "refuse": {}, "mute": [], "noise": "", "echo": True,
           "cmgs": ["ok"], "report": None}
lock = threading.RLock()


def text_of(pdu, decoded):
    """The text, whose last septet gsmmodem 0.13.0 loses where it is 0 (an @): so septets are counted here once more."""
    # Halves of one character come as two; they belong together in UTF-16.
    text = decoded["text"].encode("utf-16-be", "surrogatepass").decode("utf-16-be")
    octets = bytes.fromhex(pdu)[1 + int(pdu[:2], 16):]
    behind = 4 + (octets[2] + 1) // 2
    if octets[behind + 1] != 0:
        return text
    count, data = octets[behind + 3], octets[behind + 4:]
    header = -(-8 * (data[0] + 1) // 7) if octets[0] & 0x40 else 0
    bits = int.from_bytes(data, "little")
    septets = [bits >> 7 * i & 0x7F for i in range(header, count)]
    whole = gsmmodem.pdu.decodeGsm7(bytearray(septets))
    if whole.rstrip("@") != text.rstrip("@") or len(data) != -(-7 * count // 8):
        return {"problem": "two ways of decoding do not agree", "one": text, "other": whole}
    return whole


def say(value):
    print(json.dumps(value), flush=True)


class Modem:
    def __init__(self):
        self.order, self.tries, self.counts, self.reference, self.master, self.inbox = dict(DEFAULT), 3, {}, 40, None, ""
        self.start()

    def start(self):
        """As after a reset: nothing is set."""
        self.unlocked, self.echo, self.prompt, self.text_mode, self.reports, self.cmee = False, True, None, True, False, False

    def plug(self):
        self.start()
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        if os.path.lexists(LINK):
            os.unlink(LINK)
        os.symlink(os.ttyname(slave), LINK)
        # Kept open until the sender has it, or the first read would tell a hang-up.
        self.slave = slave

    def unplug(self):
        os.close(self.master)
        os.close(self.slave)
        self.master = None
        os.unlink(LINK)

    def send(self, text):
        if self.master is not None:
            os.write(self.master, text.encode("latin-1"))

    def answer(self, *lines):
        self.send(self.order["noise"] + "".join(f"\r\n{line}\r\n" for line in lines))

    def error(self, code):
        return f"+CME ERROR: {code}" if self.cmee else "ERROR"

    def next(self, key):
        values = self.order[key]
        return values.pop(0) if len(values) > 1 else values[0]

    def heard(self, text):
        for c in text:
            if self.prompt is not None:
                if c == "\x1b":
                    self.prompt = None
                    self.answer("OK")
                elif c == "\x1a":
                    octets, pdu, self.prompt, self.inbox = self.prompt, self.inbox, None, ""
                    self.message(octets, pdu)
                else:
                    self.inbox += c
            elif c == "\r":
                line, self.inbox = self.inbox, ""
                if self.echo and self.order["echo"]:
                    self.send(line + "\r")
                # What stands before AT is passed over (V.250, 5.2.1).
                if "AT" in line:
                    self.command(line[line.index("AT") + 2:])
            elif c != "\n":
                self.inbox += c

    def command(self, command):
        name = command.split("=")[0]
        self.counts[name] = self.counts.get(name, 0) + 1
        if command in self.order["mute"] or name in self.order["mute"]:
            return
        refused = self.order["refuse"].get(command) or self.order["refuse"].get(name)
        locked = self.order["pin"] is not None and not self.unlocked
        if refused:
            self.answer(refused)
        elif command == "E0":
            self.echo = False
            self.answer("OK")
        elif command == "+CMEE=1":
            self.cmee = True
            self.answer("OK")
        elif command == "+CPIN?":
            self.answer("+CPIN: " + ("SIM PUK" if self.tries == 0 else "SIM PIN" if locked else "READY"), "OK")
        elif name == "+CPINR":
            if self.order["no_cpinr"]:
                self.answer(self.error(4))
            else:
                self.answer(f"+CPINR: SIM PIN,{self.tries},3", "OK")
        elif name == "+CPIN":
            if command == f'+CPIN="{self.order["pin"]}"':
                self.unlocked, self.tries = True, 3
                self.answer("OK")
            else:
                self.tries = max(0, self.tries - 1)
                self.answer(self.error(16))
        elif command == "+CREG?":
            self.answer("+CREG: " + self.next("creg"), "OK")
        elif command == "+CEREG?":
            self.answer("+CEREG: 0,0", "OK")
        elif locked:
            self.answer(self.error(11) if command else "OK")
        elif command == "+CMGF=0":
            self.text_mode = False
            self.answer("OK")
        elif name == "+CNMI":
            self.reports = True
            self.answer("OK")
        elif command == "+CSMS=0":
            self.answer("+CSMS: 1,1,1", "OK")
        elif command == "+CSQ":
            self.answer("+CSQ: 20,99", "OK")
        elif name == "+CMGS":
            if self.order["cmgs"][0] == "noprompt":
                self.next("cmgs")
                return
            if self.order["cmgs"][0] == "latewords":
                self.next("cmgs")
                self.answer("OK", "RING", "+CMGS: 7")
            self.prompt = int(command.split("=")[1])
            self.send("\r\n> ")
        else:
            self.answer("OK")

    def message(self, octets, pdu):
        how = self.next("cmgs")
        if self.text_mode:
            say({"problem": "handed over in text mode"})
        decoded = decodeSmsPdu(pdu)
        smsc = int(pdu[:2], 16)
        text = text_of(pdu, decoded)
        header = [e for e in decoded.get("udh", []) if e.id == 0]
        say({"number": decoded["number"], "text": text, "smsc": decoded["smsc"], "octets": octets == len(pdu) // 2 - 1 - smsc,
             "report": bool(int(pdu[2 + 2 * smsc:][:2], 16) & 0x20),
             "part": [header[0].reference, header[0].parts, header[0].number] if header else None})
        if how == "silent":
            return
        if how == "half":
            return self.send("\r\n+CMG")
        if how == "unplug":
            return self.unplug()
        if how == "reset":
            self.start()
            return self.send("\r\nRDY\r\n")
        if how != "ok":
            return self.answer(how)
        self.reference = (self.reference + 1) % 256
        self.answer("+CMTI: \"SM\",3", f"+CMGS: {self.reference}", "OK")
        if self.reports and self.order["report"] is not None:
            digits = decoded["number"].lstrip("+")
            if not digits.startswith("86"):
                digits = "86" + digits
            swapped = "".join(a + b for a, b in zip((digits + "F")[1::2], digits[::2]))
            stamp = "62112121314023"
            report = lambda reference: f"0006{reference:02X}{len(digits):02X}91{swapped}{stamp}{stamp}{self.order['report']}"
            # One of an older message first.
            for reference in (self.reference ^ 0x80, self.reference):
                self.send(f"\r\n+CDS: {len(report(0)) // 2 - 1}\r\n{report(reference)}\r\n")


modem = Modem()
modem.plug()


def listen():
    while True:
        with lock:
            master = modem.master
        if master is None:
            time.sleep(0.01)
            continue
        try:
            if not select.select([master], [], [], 0.05)[0]:
                continue
            with lock:
                if modem.master == master:
                    modem.heard(os.read(master, 4096).decode("latin-1"))
        except (OSError, ValueError):
            # Unplugged meanwhile, or nobody has the other end.
            time.sleep(0.01)


threading.Thread(target=listen, daemon=True).start()
say("plugged")
for line in sys.stdin:
    order = json.loads(line)
    with lock:
        what = order.pop("do", None)
        if what == "unplug":
            modem.unplug()
        elif what == "plug":
            modem.plug()
        elif what == "reset":
            modem.start()
        elif what == "say":
            modem.send(order.pop("text"))
        elif what == "counts":
            say(modem.counts)
            continue
        else:
            modem.order = json.loads(json.dumps({**DEFAULT, **order}))
    say("done")
