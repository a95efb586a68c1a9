// A book that the server is still drawing: it has no assets yet, and is waited for.

import { answered } from "/static/forms.js";
import { h } from "/static/words.js";

const LOOK_MS = 300;

// The book once it is ready or cannot be; as it stands where the reader has `left` before that.
export async function onceDrawn(main, book, left) {
  if (book.ready || book.error) return book;
  const wait = h("p", { class: "quiet", role: "status" }, "The book is being drawn …");
  main.append(wait);
  let now = book;
  while (!now.ready && !now.error && !left.aborted) {
    await new Promise((done) => setTimeout(done, LOOK_MS));
    now = (await answered("/api/v1/books")).find((b) => b.book === book.book) ?? now;
  }
  wait.remove();
  return now;
}
