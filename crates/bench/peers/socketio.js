// Socket.IO, over WebSocket alone: the rooms are its own.
//
//   node peers/socketio.js PORT  ws://127.0.0.1:PORT/socket.io/?EIO=4&transport=websocket&room={room}
//
// A message is the event `message` with one string.
//
// Left as it is: compression is off, TCP_NODELAY is set by Node's HTTP server. Long polling, which a client would begin
// with otherwise, and the copy of the browser client are off.
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
