// The one WebSocket of a page: topics, resumed by number after a drop. A frame is `anew` where it
// is the first from another server than before.

export class Line {
  constructor(told) {
    this.told = told;
    this.topics = new Map();
    this.epoch = null;
    this.wait = 500;
    this.open();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/ws`);
    this.socket.addEventListener("message", (event) => this.take(JSON.parse(event.data)));
    this.socket.addEventListener("close", () => {
      this.told(false);
      setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(2 * this.wait, 8000);
    });
  }

  take(frame) {
    if (frame.hello) {
      // another server, or the same one started again: what a page holds is of one that is gone
      if (this.epoch !== frame.epoch) for (const topic of this.topics.values()) [topic.last, topic.anew] = [null, this.epoch !== null];
      this.epoch = frame.epoch;
      this.wait = 500;
      this.told(true);
      this.ask([...this.topics.keys()]);
      return;
    }
    const topic = this.topics.get(frame.topic);
    if (!topic) return;
    topic.last = frame.last;
    frame.anew = topic.anew;
    topic.anew = false;
    topic.take(frame);
  }

  ask(names) {
    if (this.socket.readyState !== WebSocket.OPEN || !names.length) return;
    const subscribe = Object.fromEntries(names.map((name) => [name, this.topics.get(name).last]));
    this.socket.send(JSON.stringify({ subscribe, epoch: this.epoch }));
  }

  hear(name, take) {
    this.topics.set(name, { take, last: null, anew: false });
    if (this.epoch) this.ask([name]);
  }

  leave() {
    const names = [...this.topics.keys()];
    this.topics.clear();
    if (names.length && this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ unsubscribe: names }));
  }
}
