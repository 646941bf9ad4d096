// Node with `ws`: each room is a set of sockets, written to one after the other, as the project's README has it.
//
//   node peers/ws.js PORT        rooms are ws://127.0.0.1:PORT/ws/{room}
//
// By default Node's HTTP server sets TCP_NODELAY, and compression is off in `ws`. `bufferutil`, which `ws` recommends for
// masking, is installed. A message is passed on as the bytes that came.
import { WebSocket, WebSocketServer } from "ws";

const path = "/ws/";
const rooms = new Map();

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  backlog: 4096,
  clientTracking: false,
  perMessageDeflate: false,
});

server.on("connection", (socket, request) => {
  const name = request.url.slice(path.length);
  let room = rooms.get(name);
  if (!room) rooms.set(name, (room = new Set()));
  room.add(socket);

  socket.on("error", () => socket.terminate());
  socket.on("close", () => {
    room.delete(socket);
    if (room.size === 0 && rooms.get(name) === room) rooms.delete(name);
  });
  socket.on("message", (data, isBinary) => {
    for (const member of room) {
      if (member.readyState === WebSocket.OPEN) member.send(data, { binary: isBinary });
    }
  });
});
