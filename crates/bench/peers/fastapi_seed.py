"""FastAPI with the connection manager of its documentation, mended: one manager a room.

    uvicorn fastapi_seed:app --port PORT        rooms are ws://127.0.0.1:PORT/ws/{room}

Mended is what the documentation's example gets wrong: joining and leaving are under a lock, leaving twice is fine, a
broken connection is evicted and neither raises to the sender nor stops the others, and a broadcast sends to all at
the same time.
"""

import asyncio
from collections import defaultdict

from fastapi import FastAPI, WebSocket, WebSocketDisconnect


class ConnectionManager:
    def __init__(self) -> None:
        self.active_connections: list[WebSocket] = []
        self.lock = asyncio.Lock()

    async def connect(self, websocket: WebSocket) -> None:
        await websocket.accept()
        async with self.lock:
            self.active_connections.append(websocket)

    async def disconnect(self, websocket: WebSocket) -> None:
        async with self.lock:
            if websocket in self.active_connections:
                self.active_connections.remove(websocket)

    async def broadcast(self, message: str) -> None:
        # A copy, because the list changes while it is sent to.
        connections = self.active_connections[:]
        tasks = [connection.send_text(message) for connection in connections]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for connection, result in zip(connections, results):
            if isinstance(result, Exception):
                await self.disconnect(connection)


app = FastAPI()
rooms: defaultdict[str, ConnectionManager] = defaultdict(ConnectionManager)


@app.websocket("/ws/{room}")
async def websocket_endpoint(websocket: WebSocket, room: str) -> None:
    manager = rooms[room]
    await manager.connect(websocket)
    try:
        while True:
            await manager.broadcast(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
    finally:
        await manager.disconnect(websocket)
