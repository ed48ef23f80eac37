/** Choices of a seeded history: each asks the generator once or more, always in the same order. */
export class Chances {
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  happens(probability: number): boolean {
    return this.#random() < probability
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.#random() * choices.length)]
    if (choice === undefined) throw new Error('there is nothing to choose from')
    return choice
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1))
  }
}
