"""A receiver of webhooks that shares no code with the sender: http.server, hashlib and hmac of Python.

It prints its port, then for every request one JSON line: whether id and signature hold and what the body was. The path
chooses how it answers.
"""
import hashlib, hmac, http.server, json, sys, time

SECRET = sys.argv[1].encode()
WINDOW_S = 300


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fields = dict(part.split("=", 1) for part in self.headers["X-Anlan-Signature"].split(","))
        expected = hmac.new(SECRET, fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest(expected, fields["v1"])
        fresh = abs(time.time() - int(fields["t"])) <= WINDOW_S
        print(json.dumps({"genuine": genuine, "fresh": fresh, "id": self.headers["X-Anlan-Message-Id"],
                          "body": json.loads(body)}), flush=True)
        how = self.path.rsplit("/", 1)[-1]
        if how == "silent":
            time.sleep(30)
        elif how == "cut":
            pass
        elif how == "garbage":
            self.wfile.write(b"\x00\xffwhat is this\r\n\r\n")
        elif how == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it")
        elif how == "long":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000000)
        elif how.isdigit():
            self.send_response(int(how))
            if how == "429":
                self.send_header("Retry-After", "17")
            if how == "302":
                self.send_header("Location", "/hook/200")
            self.end_headers()
        else:
            self.send_response(200 if genuine and fresh else 401)
            self.end_headers()
        self.close_connection = True

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_address[1], flush=True)
server.serve_forever()
