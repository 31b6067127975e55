"""A Modbus TCP server by pymodbus, for tests of our client.

Unit 1, holding registers (everything that is not listed is an illegal address):
  0-1 123.456 f32 ABCD    2-3 CDAB    4-5 BADC    6-7 DCBA
  8-11 0.1 f64 ABCD       12 -2 i16   13 65535 u16
  20-21 -100000 i32 CDAB  30 a counter that grows with every read
  40 illegal in the middle of 38 39 41 42, which hold their own address
Unit 1, input register 5: 777. Coils 0-9: every third is on. Discrete input 3: on.
Unit 2, holding register 0: 2222.

Usage: modbus_server.py PORT
"""

import asyncio
import struct
import sys

from pymodbus.server import StartAsyncTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


def words(fmt: str, value: float) -> list[int]:
    raw = struct.pack(">" + fmt, value)
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]


def swap(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8


def regs(address: int, values: list[int]) -> SimData:
    return SimData(address=address, values=values, datatype=DataType.REGISTERS)


a, b = words("f", 123.456)
c, d = words("i", -100000)
holding = [
    regs(0, [a, b, b, a, swap(a), swap(b), swap(b), swap(a)] + words("d", 0.1) + [0xFFFE, 0xFFFF]),
    regs(20, [d, c]),
    regs(30, [0]),
    regs(38, [38, 39]),
    regs(41, [41, 42]),
]
coils = [SimData(address=0, values=[i % 3 == 0 for i in range(16)], datatype=DataType.BITS)]
discrete = [SimData(address=0, values=[i == 3 for i in range(16)], datatype=DataType.BITS)]


async def count(function, start, address, number, registers, values):
    if function == 3 and address <= 30 < address + number:
        registers[30 - start] = (registers[30 - start] + 1) & 0xFFFF


async def main() -> None:
    devices = [
        SimDevice(id=1, simdata=(coils, discrete, holding, [regs(5, [777])]), action=count),
        SimDevice(id=2, simdata=[regs(0, [2222])]),
    ]
    await StartAsyncTcpServer(devices, address=("127.0.0.1", int(sys.argv[1])))


asyncio.run(main())
