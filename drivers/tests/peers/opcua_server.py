"""An OPC UA server by asyncua, for tests of our client.

Nodes of namespace 2: s=Level (Double, grows by 0.5 every 100 ms from 1.0), s=Count (Int32, 42, never changes), s=Running
(Boolean, true), s=Name (String), s=Broken (Double with status BadSensorFailure).

Usage: opcua_server.py PORT [CERTIFICATE KEY CLIENT_CERTIFICATE]   with the three, only Basic256Sha256 is offered and only
that client is let in; a user "anlan" with the password "pumpe" is known.
"""

import asyncio
import logging
import sys
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.permission_rules import SimpleRoleRuleset, User, UserRole
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.user_managers import UserManager

logging.basicConfig(level=logging.ERROR)


class Users(UserManager):
    def get_user(self, iserver, username=None, password=None, certificate=None):
        if username is None or (username == "anlan" and password == "pumpe"):
            return User(role=UserRole.User, name=username)
        return None


async def main() -> None:
    port, files = sys.argv[1], sys.argv[2:]
    server = Server(user_manager=Users() if files else None)
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/plant/")
    if files:
        certificate, key, client = files
        await server.set_application_uri("urn:anlan:test:server")
        await server.load_certificate(certificate)
        await server.load_private_key(key)
        server.set_security_policy(
            [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt], permission_ruleset=SimpleRoleRuleset()
        )
        trust = TrustStore([Path(client).parent], [])
        await trust.load()
        server.set_certificate_validator(CertificateValidator(CertificateValidatorOptions.TRUSTED, trust))
    else:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await server.register_namespace("urn:anlan:test")
    objects = server.nodes.objects
    level = await objects.add_variable("ns=2;s=Level", "Level", 1.0)
    await objects.add_variable("ns=2;s=Count", "Count", ua.Variant(42, ua.VariantType.Int32))
    await objects.add_variable("ns=2;s=Running", "Running", True)
    await objects.add_variable("ns=2;s=Name", "Name", "tank")
    broken = await objects.add_variable("ns=2;s=Broken", "Broken", 5.0)
    status = ua.StatusCode(ua.StatusCodes.BadSensorFailure)
    await server.write_attribute_value(broken.nodeid, ua.DataValue(ua.Variant(5.0), StatusCode=status))
    async with server:
        print("ready", flush=True)
        value = 1.0
        while True:
            await asyncio.sleep(0.1)
            value += 0.5
            await level.write_value(value)


asyncio.run(main())
