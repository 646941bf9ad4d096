// Bun's own server (µWebSockets): each room is a topic, and Bun does the fan-out.
//
//   bun peers/bun.js PORT        rooms are ws://127.0.0.1:PORT/ws/{room}
//
// These are Bun's defaults: TCP_NODELAY is set, the frames of one turn of the loop are written together, compression is off.
const path = "/ws/";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  development: false,
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith(path)) return new Response(null, { status: 404 });
    if (server.upgrade(request, { data: pathname.slice(path.length) })) return;
    return new Response(null, { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe(socket.data);
    },
    message(socket, message) {
      // The server publishes, since a socket's own `publish` leaves the sender out.
      server.publish(socket.data, message);
    },
  },
});
