"""The code this project started from: choosing lunch together, with FastAPI and Redis.

    REDIS_URL=redis://127.0.0.1:PORT/0 uvicorn seed001:app --port PORT

`POST /session/` makes a room, `/ws/{session_id}/` joins it, `add:ITEM` and `remove:ITEM` change the menu.

`get_redis_pool`, `create_session` and `menu_websocket_endpoint` are as they were given, mistakes and pauses included:
they are what is measured. Added is what they need to run and was not given: the imports, `ws_manager` with its two
exceptions, `add_participant_to_session`, `update_session_expiration`, the prefix of the second router, the
address of Redis from the environment, and the application with both routers.
"""

import asyncio
import json
import os
import uuid
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, WebSocket, WebSocketDisconnect, status
from redis import asyncio as aioredis

# --- added: who is connected to this process


class MaximumSessionReachException(Exception):
    pass


class MaximumConnectionPerSessionReachException(Exception):
    pass


class WebSocketManager:
    """Without limits: no room of the benchmark comes near one."""

    def __init__(self) -> None:
        self.sessions: defaultdict[str, list[WebSocket]] = defaultdict(list)

    def add_client(self, session_id: str, websocket: WebSocket) -> None:
        self.sessions[session_id].append(websocket)

    def remove_client(self, session_id: str, websocket: WebSocket) -> None:
        if websocket in self.sessions[session_id]:
            self.sessions[session_id].remove(websocket)

    def get_clients(self, session_id: str) -> list[WebSocket]:
        return self.sessions[session_id]


ws_manager = WebSocketManager()


# --- added: the two steps of joining that were called, but not shown


async def add_participant_to_session(session_data, client) -> None:
    session_data["participants"].append(f"{client.host}:{client.port}")


async def update_session_expiration(session_data) -> None:
    session_data["expires_at"] = (datetime.now() + timedelta(minutes=10)).isoformat()


# --- as given, from here


async def get_redis_pool():
    return await aioredis.from_url(os.environ["REDIS_URL"])


session_router = APIRouter()


@session_router.post("/session/")
async def create_session(redis: Annotated[aioredis.Redis, Depends(get_redis_pool)]):
    session_id = str(uuid.uuid4())
    session_data = {
        "participants": [],
        "menu": [],
        "expires_at": (datetime.now() + timedelta(minutes=10)).isoformat()
    }
    await redis.set(session_id, json.dumps(session_data), ex=600)
    return {"url": f"/ws/{session_id}/"}


router = APIRouter()


@router.websocket("/{session_id}/")
async def menu_websocket_endpoint(
    websocket: WebSocket,
    session_id: str,
    redis: Annotated[aioredis.Redis, Depends(get_redis_pool)]
):
    try:
        session_data = await redis.get(session_id)
        if not session_data:
            raise HTTPException(status_code=status.HTTP_404_NOT_FOUND, detail="세션 없음")
        session_data = json.loads(session_data)
        if len(session_data["participants"]) >= 10:
            raise HTTPException(status_code=status.HTTP_403_FORBIDDEN, detail="최대 참가자 수 초과")
        pubsub = redis.pubsub()
        await pubsub.subscribe(session_id)
        await websocket.accept()
        try:
            ws_manager.add_client(session_id, websocket)
        except MaximumSessionReachException:
            raise HTTPException(status_code=status.HTTP_403_FORBIDDEN, detail="최대 세션 수 초과")
        except MaximumConnectionPerSessionReachException:
            raise HTTPException(status_code=status.HTTP_403_FORBIDDEN, detail="최대 연결 수 초과")
        await add_participant_to_session(session_data, websocket.client)
        await update_session_expiration(session_data)
        await redis.set(session_id, json.dumps(session_data), ex=(datetime.fromisoformat(session_data["expires_at"]) - datetime.now()).seconds)
        try:
            ws_manager.add_client(session_id, websocket)
            while True:
                received_data = await websocket.receive_text()
                command, menu_item = received_data.split(":", 1)
                if command.lower() == "add":
                    session_data["menu"].append(menu_item)
                elif command.lower() == "remove":
                    session_data["menu"].remove(menu_item)
                expire_seconds = (datetime.fromisoformat(session_data["expires_at"]) - datetime.now()).total_seconds()
                await redis.set(session_id, json.dumps(session_data), ex=int(expire_seconds))
                await redis.publish(session_id, json.dumps(session_data["menu"]))
                await asyncio.sleep(0.1)
                while True:
                    message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=5)
                    if message:
                        updated_menu = json.loads(message['data'])
                        clients = ws_manager.get_clients(session_id)
                        for client in clients:
                            await client.send_json(updated_menu)
                    else:
                        if message is None:
                            try:
                                session_data = await redis.get(session_id)
                                session_data = json.loads(session_data)
                                clients = ws_manager.get_clients(session_id)
                                for client in clients:
                                    await client.send_json(session_data["menu"])
                            except Exception:
                                pass
                            break
                    await asyncio.sleep(0.1)
        except WebSocketDisconnect:
            ws_manager.remove_client(session_id, websocket)
            await redis.delete(session_id)
    except Exception as e:
        raise HTTPException(status_code=status.HTTP_500_INTERNAL_SERVER_ERROR, detail=str(e))


# --- added: one process with both routers

app = FastAPI()
app.include_router(session_router)
app.include_router(router, prefix="/ws")
