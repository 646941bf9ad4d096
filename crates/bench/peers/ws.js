// Node with `ws`: each room is a set of sockets, written to one after the other, as the project's README has it.
//
//   node peers/ws.js PORT        rooms are ws://127.0.0.1:PORT/ws/{room}
//
// Left as they are: Node's HTTP server sets TCP_NODELAY, `ws` has compression off. `bufferutil`, which `ws` recommends
// for its masking, is installed. Messages stay the bytes they came as.
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
