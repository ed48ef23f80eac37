/** What Python raises for times: the reference catches a ValueError in places where it lets the others pass. */
export class DatetimeError extends Error {
  readonly kind: 'ValueError' | 'TypeError' | 'OverflowError'

  constructor(kind: DatetimeError['kind'], message: string) {
    super(message)
    this.name = kind
    this.kind = kind
  }
}

export function valueError(message: string): DatetimeError {
  return new DatetimeError('ValueError', message)
}

export function typeError(message: string): DatetimeError {
  return new DatetimeError('TypeError', message)
}

export function overflowError(message: string): DatetimeError {
  return new DatetimeError('OverflowError', message)
}

export function isValueError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ValueError'
}

export function isOverflowError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'OverflowError'
}
