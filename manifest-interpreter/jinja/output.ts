import { maxLength } from '../value/arithmetic.ts'
import { limitError } from '../value/python-error.ts'

/** The text that a template renders. */
export class Output {
  #text = ''

  get text(): string {
    return this.#text
  }

  write(text: string): void {
    if (this.#text.length + text.length > maxLength) {
      throw limitError(`The template renders more than ${maxLength} characters.`)
    }
    this.#text += text
  }
}
