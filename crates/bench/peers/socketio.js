// Socket.IO, over WebSocket alone: the rooms are its own.
//
//   node peers/socketio.js PORT  ws://127.0.0.1:PORT/socket.io/?EIO=4&transport=websocket&room={room}
//
// A message is the event `message` with one string.
//
// By default compression is off, and Node's HTTP server sets TCP_NODELAY. Long polling, with which a client would begin,
// and the copy of the browser client are switched off.
import { createServer } from "node:http";
import { Server } from "socket.io";

const server = createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false, perMessageDeflate: false });

io.on("connection", (socket) => {
  const { room } = socket.handshake.query;
  socket.join(room);
  socket.on("message", (text) => io.to(room).emit("message", text));
});

server.listen(Number(process.argv[2]), "127.0.0.1", 4096);
