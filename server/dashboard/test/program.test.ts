import { expect, test } from "vitest";
import { messagesOf, wordsOf } from "../src/views/program/messages";

test("what a model said before its code, in one line", () => {
  expect(wordsOf(["Push the ring\n outwards.\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE"])).toBe(
    "Push the ring outwards.",
  );
  expect(wordsOf(["First.\n```python\nx\n```", "Then this:\n```python\ny\n```", null])).toBe("Then this:");
  expect(wordsOf(["```python\nx = 1\n```\nDone."])).toBe("");
  expect(wordsOf(["I cannot say."])).toBe("");
  expect(wordsOf([])).toBe("");
  expect(wordsOf([null])).toBe("");
  expect(wordsOf([`${"long ".repeat(500)}\n~~~\nx`])).toHaveLength(400);
  expect(wordsOf(["a\u001b[31mred\u202e\n```\nx"])).not.toContain("\u001b");
});

test("a stored prompt is a list of messages, or shown as it is", () => {
  expect(messagesOf('[{"role": "user", "content": "hello"}]')).toEqual([{ role: "user", text: "hello" }]);
  expect(messagesOf("hello")).toEqual([{ role: "prompt", text: "hello" }]);
  expect(messagesOf('{"a": 1}')).toEqual([{ role: "prompt", text: '{"a": 1}' }]);
});
