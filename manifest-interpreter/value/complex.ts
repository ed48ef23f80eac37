import { floatText } from './text.ts'
import { PyObject } from './value.ts'

/** A complex number: nothing is computed with one here, it is only written. */
export function complex(real: number, imaginary: number): PyObject {
  return new PyObject({
    type: 'complex',
    truth: () => real !== 0 || imaginary !== 0,
    repr: () => {
      const imaginaryText = `${withoutZero(imaginary)}j`
      if (Object.is(real, 0)) return imaginaryText
      const sign = imaginaryText.startsWith('-') ? '' : '+'
      return `(${withoutZero(real)}${sign}${imaginaryText})`
    },
  })
}

export function isComplex(value: unknown): boolean {
  return value instanceof PyObject && value.traits.type === 'complex'
}

function withoutZero(value: number): string {
  return floatText(value).replace(/\.0$/, '')
}
