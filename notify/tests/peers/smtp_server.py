"""Mail servers that are not ours: aiosmtpd, one without protection, one that wants STARTTLS and a password, one under TLS.

    smtp_server.py CERTIFICATE KEY

It prints the three ports as JSON and then each message that it took. The recipient's name chooses how it answers: r550 and
r450 refuse the recipient, d554 and d452 the message, cut breaks off between the message and the answer, silent never
answers it. A fourth port puts a whole conversation behind its answer to STARTTLS, as somebody on the way could.
"""
import asyncio, email, email.policy, json, socket, ssl, sys, threading, time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

ANSWERS = {
    "r550": "550 5.1.1 <{}>: no such user",
    "r450": "450 4.2.0 <{}>: greylisted",
    "r554": "554 5.7.1 <{}>: relay access denied",
    "d554": "554 5.7.1 this looks like spam",
    "d452": "452 4.3.1 the disk is full",
}


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        how = address.split("@")[0]
        if how.startswith("r") and how in ANSWERS:
            return ANSWERS[how].format(address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        plain, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "header_to": str(message["To"]), "header_from": str(message["From"]),
            "subject": str(message["Subject"]), "id": str(message["Message-ID"]), "plain": plain, "html": html,
            "tls": server.transport.get_extra_info("ssl_object") is not None, "user": (session.auth_data or b"").decode(),
        }), flush=True)
        how = envelope.rcpt_tos[0].split("@")[0]
        if how == "cut":
            server.transport.abort()
            await asyncio.sleep(60)
        if how == "silent":
            await asyncio.sleep(60)
        return ANSWERS.get(how, "250 2.0.0 Ok: queued as 4F1B22C0A1")


def authenticator(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"anlan", b"tr0ub4dor")
    return AuthResult(success=good, handled=False, auth_data=data.login)


def injecting(listener, tls):
    while True:
        client, _ = listener.accept()
        try:
            client.sendall(b"220 hello\r\n")
            client.recv(1000)
            client.sendall(b"250-hello\r\n250 STARTTLS\r\n")
            client.recv(1000)
            client.sendall(b"220 go\r\n250 hello\r\n250 OK\r\n250 OK\r\n354 go\r\n250 queued as FORGED\r\n")
            protected = tls.wrap_socket(client, server_side=True)
            while protected.recv(1000):
                pass
        except OSError:
            client.close()


tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(sys.argv[1], sys.argv[2])
ports = {}
for name, more in [
    ("plain", {}),
    ("starttls", {"tls_context": tls, "require_starttls": True, "authenticator": authenticator, "auth_required": True}),
    ("tls", {"ssl_context": tls}),
]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        ports[name] = free.getsockname()[1]
    Controller(Handler(), hostname="127.0.0.1", port=ports[name], **more).start()
listener = socket.create_server(("127.0.0.1", 0))
ports["injecting"] = listener.getsockname()[1]
threading.Thread(target=injecting, args=(listener, tls), daemon=True).start()
print(json.dumps(ports), flush=True)
while True:
    time.sleep(60)
