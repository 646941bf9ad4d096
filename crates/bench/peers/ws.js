// Node with `ws`: each room is a set of sockets, written to one after the other, as the project's README has it.
//
//   node peers/ws.js PORT        rooms are ws://127.0.0.1:PORT/ws/{room}
//
// Left as they are: Node's HTTP server sets TCP_NODELAY, `ws` has compression off. `bufferutil`, which `ws` recommends
// for its masking, is installed. Messages stay the bytes they came as.
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

const path = "/ws/";
const rooms = new Map();

const sockets = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false });
const server = createServer((_request, response) => response.writeHead(426).end());

server.on("upgrade", (request, stream, head) => {
  if (!request.url.startsWith(path)) return stream.destroy();
  sockets.handleUpgrade(request, stream, head, (socket) => join(socket, request.url.slice(path.length)));
});

function join(socket, name) {
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
}

server.listen(Number(process.argv[2]), "127.0.0.1", 4096, () => {
  const { address, port } = server.address();
  console.log(`listening on ${address}:${port}`);
});
