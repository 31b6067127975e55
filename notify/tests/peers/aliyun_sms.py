"""The provider's own SDK (aliyun-python-sdk-dysmsapi) against a recording server, and a server that checks with the SDK's code.

    aliyun_sms.py

It prints its port, then reads JSON lines: with each it lets the SDK send one message with the given time and nonce. For
every request that the server gets, from whomever, it prints one JSON line: method, target, body, and whether the SDK signs
the same values alike. The account is id "LTAI-test" with secret "s3cret"; TemplateCode chooses the Code of the answer.
"""
import http.server, json, sys, threading, urllib.parse

from aliyunsdkcore.auth.composer import rpc_signature_composer as composer
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.utils import parameter_helper
from aliyunsdkdysmsapi.request.v20170525.SendSmsRequest import SendSmsRequest


class Recorder(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        values = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True, strict_parsing=True))
        given = values.pop("Signature")
        to_sign = getattr(composer, "__compose_string_to_sign")("POST", values)
        genuine = getattr(composer, "__get_signature")(to_sign, "s3cret") == given
        print(json.dumps({"method": self.command, "target": self.path, "body": body, "genuine": genuine, "values": values}), flush=True)
        code = "SignatureDoesNotMatch" if not genuine else values["TemplateCode"].removeprefix("SMS_")
        said = json.dumps({"Code": code, "Message": "to " + values["PhoneNumbers"], "BizId": "9006196^0", "RequestId": "F6"}).encode()
        self.send_response(200 if code.startswith(("OK", "isv.")) else 400)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_address[1]
print(port, flush=True)
for line in sys.stdin:
    wanted = json.loads(line)
    parameter_helper.get_uuid = lambda: wanted["nonce"]
    parameter_helper.get_iso_8061_date = lambda: wanted["time"]
    request = SendSmsRequest()
    request.set_protocol_type("http")
    request.set_endpoint(f"127.0.0.1:{port}")
    request.set_PhoneNumbers(wanted["phone"])
    request.set_SignName(wanted["sign_name"])
    request.set_TemplateCode(wanted["template_code"])
    request.set_TemplateParam(wanted["params"])
    request.set_OutId(wanted["id"])
    AcsClient("LTAI-test", "s3cret", "cn-hangzhou", auto_retry=False).do_action_with_exception(request)
