"""A provider of short messages that shares no code with the sender: http.server, json and urllib of Python.

    sms_provider.py [CERTIFICATE KEY]

It prints its port, then for every request one JSON line with what it took apart. The last step of the path chooses how it
answers; a step that is a word answers 200 with that word as its code.
"""
import http.server, json, ssl, sys, time, urllib.parse


class Provider(http.server.BaseHTTPRequestHandler):
    def answer_any(self):
        url = urllib.parse.urlsplit(self.path)
        octets = self.rfile.read(int(self.headers["Content-Length"] or 0))
        kind = self.headers["Content-Type"] or ""
        if kind == "application/json":
            body = json.loads(octets)
        else:
            body = dict(urllib.parse.parse_qsl(octets.decode("ascii"), keep_blank_values=True, strict_parsing=bool(octets)))
        print(json.dumps({"method": self.command, "query": dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query))),
                          "kind": kind, "authorization": self.headers["Authorization"], "body": body}), flush=True)
        how = url.path.rsplit("/", 1)[-1]
        self.close_connection = True
        if how == "silent":
            time.sleep(30)
        elif how == "cut":
            pass
        elif how == "garbage":
            self.wfile.write(b"\x00\xffwhat is this\r\n\r\n")
        elif how == "half":
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"code": "OK", "da')
        else:
            status, code = (int(how), "") if how.isdigit() else (200, how)
            said = json.dumps({"code": code, "data": [{"id": "bz-17"}], "echo": [body, self.headers["Authorization"]]}).encode()
            self.send_response(status)
            if how == "429":
                self.send_header("Retry-After", "17")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

    do_GET = do_POST = do_PUT = answer_any

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
if len(sys.argv) > 1:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = tls.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
