/** Numbers in order, in typed memory that grows by halves: a million of them take as many times eight bytes, and no more. */
export class Column<A extends Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array> {
  private room: A;
  private readonly make: (length: number) => A;
  length = 0;

  constructor(make: (length: number) => A, first = 1024) {
    this.make = make;
    this.room = make(first);
  }

  push(value: number): void {
    if (this.length === this.room.length) {
      const wider = this.make(Math.ceil(this.room.length * 1.5));
      wider.set(this.room);
      this.room = wider;
    }
    this.room[this.length++] = value;
  }

  at(place: number): number {
    return place < this.length ? (this.room[place] ?? Number.NaN) : Number.NaN;
  }

  set(place: number, value: number): void {
    if (place < this.length) this.room[place] = value;
  }

  /** What is there now, without a copy: valid until the next `push`. */
  view(): A {
    return this.room.subarray(0, this.length) as A;
  }
}

/** Words that come again and again, each by a small number: 0 stands for none. */
export class Names {
  private readonly numbers = new Map<string, number>();
  readonly list: (string | null)[] = [null];

  number(name: string | null): number {
    if (name === null) return 0;
    let found = this.numbers.get(name);
    if (found === undefined) {
      found = this.list.length;
      this.list.push(name);
      this.numbers.set(name, found);
    }
    return found;
  }

  name(number: number): string | null {
    return this.list[number] ?? null;
  }
}
