import anyAscii from 'any-ascii'

/** The names of the types of one file, all different. */
export class TypeNames {
  readonly #taken: Set<string>

  /** `reserved`: names that the rest of the file uses. */
  constructor(reserved: Iterable<string>) {
    this.#taken = new Set(reserved)
  }

  isTaken(name: string): boolean {
    return this.#taken.has(name)
  }

  /** The wanted name, with the first number after it that makes it unique if it is taken. */
  take(wanted: string): string {
    let name = wanted
    for (let number = 2; this.#taken.has(name); number += 1) name = `${wanted}${number}`
    this.#taken.add(name)
    return name
  }
}

/**
 * `order_items` and `order-items` -> `OrderItems`, in ASCII letters and digits, which every compiler accepts.
 * May be empty.
 */
export function pascalCase(text: string): string {
  const words = anyAscii(text).match(/[A-Za-z0-9]+/g) ?? []
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

/** A name of a type from the words of a stream or an action: never empty, never beginning with a digit. */
export function typeName(text: string, ending: string): string {
  const name = pascalCase(text) + ending
  return /^[0-9]/.test(name) ? `_${name}` : name
}
