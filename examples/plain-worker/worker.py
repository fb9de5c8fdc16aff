"""A worker that knows nothing of Symphony but its messages: nats-py, msgpack, and the subjects.

Usage: worker.py NATS_URL CREDENTIALS_FILE NAME
"""

import asyncio
import sys

import msgpack
import nats

URL, CREDENTIALS, NAME = sys.argv[1:4]
CAPABILITY = "plain.reverse"


async def main() -> None:
    bus = await nats.connect(URL, user_credentials=CREDENTIALS, inbox_prefix=f"_INBOX_{NAME}".encode())
    log = bus.jetstream()

    async def work(message) -> None:
        batch = msgpack.unpackb(message.data)
        results = []
        for task in batch["tasks"]:
            echoed = {key: task[key] for key in ("run", "task", "generation", "try", "n", "token")}
            text = msgpack.unpackb(task["inputs"])["text"]
            outcome = {"is": "succeeded", "output": msgpack.packb({"text": text[::-1]})}
            results.append({**echoed, "epoch": batch["epoch"], "outcome": outcome})
        await log.publish(batch["reply"], msgpack.packb({"v": 1, "worker": NAME, "results": results}))

    await bus.subscribe(f"sym.task.{CAPABILITY.replace('.', '-')}", queue="workers", cb=work)
    offer = {"v": 1, "worker": NAME, "slots": 4, "capabilities": [CAPABILITY], "timeout_ms": 10_000}
    print(msgpack.unpackb((await bus.request("sym.pit.pool.register", msgpack.packb(offer))).data), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
