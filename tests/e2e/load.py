"""Many clients at once: keep-alive connections that check each answer strictly."""
import asyncio
import collections

from wire import Malformed, parse_head

READ_TIMEOUT = 60.0


class Report:
    def __init__(self):
        self.statuses = collections.Counter()
        self.wrong = []
        self.done = 0
        self.reconnects = 0


async def read_response(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    line, headers = parse_head(head)
    fields = {name.lower(): value for name, value in headers}
    if "transfer-encoding" in fields or "content-length" not in fields:
        raise Malformed(f"unexpected framing: {headers}")
    body = await reader.readexactly(int(fields["content-length"]))
    return int(line.split(" ")[1]), fields, body


async def client(port, data, count, check, report, progress):
    reader = writer = None
    try:
        while count > 0:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            try:
                status, fields, body = await asyncio.wait_for(read_response(reader), READ_TIMEOUT)
            except (Malformed, asyncio.IncompleteReadError, ConnectionError, asyncio.TimeoutError) as error:
                report.wrong.append(repr(error))
                writer.close()
                writer = None
                count -= 1
                continue
            count -= 1
            report.done += 1
            report.statuses[status] += 1
            problem = check(status, fields, body)
            if problem:
                report.wrong.append(problem)
            progress(report)
            if fields.get("connection") == "close":
                writer.close()
                writer = None
                report.reconnects += 1
    finally:
        if writer is not None:
            writer.close()


async def run(port, data, connections, requests, check, background=None, progress=lambda report: None):
    """`requests` requests over `connections` connections while `background` (a coroutine function) runs."""
    report = Report()
    helper = asyncio.create_task(background(report)) if background else None
    try:
        await asyncio.gather(*(client(port, data, requests // connections, check, report, progress)
                               for _ in range(connections)))
    finally:
        if helper:
            helper.cancel()
            await asyncio.gather(helper, return_exceptions=True)
    return report
