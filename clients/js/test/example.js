// The README's first example, for the type checker; a test runs it.
// ---
import { createRoom, newPerson } from 'tablecast-client';
import { LunchRoom } from 'tablecast-client/lunch';

const person = newPerson();
const { url, page } = await createRoom('http://127.0.0.1:8000/', { title: 'Friday', person, decideIn: 20 });
const room = new LunchRoom(url, { name: 'Mina', person });
room.listen('joined', ({ joined }) => console.log(`${joined.name} is here`));
room.listen('change', ({ change }) => change.decided && console.log(room.view.state?.decision?.winner.item));
await room.add('김치찌개');
await room.vote('김치찌개').then(() => console.log(`vote before 20 minutes are over: ${page}`));
