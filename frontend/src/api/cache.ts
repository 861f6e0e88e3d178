/** Answers kept by address, so that Back shows a page at once and as it was. The least recently used goes first. */

export class AnswerCache {
  private readonly entries = new Map<string, unknown>();

  constructor(private readonly capacity: number) {}

  get<T>(key: string): T | undefined {
    const value = this.entries.get(key);
    if (value !== undefined) {
      this.entries.delete(key);
      this.entries.set(key, value);
    }
    return value as T | undefined;
  }

  set(key: string, value: unknown): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.capacity) {
      const oldest = this.entries.keys().next().value;
      if (oldest !== undefined) this.entries.delete(oldest);
    }
  }

  clear(): void {
    this.entries.clear();
  }
}

export const answers = new AnswerCache(40);
