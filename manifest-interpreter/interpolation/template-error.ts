import type { PythonErrorKind } from '../value/python-error.ts'

/**
 * A template that cannot be read, or whose evaluation failed. The message has the template, but no value that
 * it saw.
 */
export class TemplateError extends Error {
  readonly template: string
  /** The kind of error that the reference would have raised. */
  readonly kind: PythonErrorKind

  constructor(
    template: string,
    reason: { readonly kind: PythonErrorKind; readonly message: string; readonly cause?: unknown },
  ) {
    super(`Template ${JSON.stringify(shortened(template))}: ${reason.message}`, {
      cause: reason.cause,
    })
    this.name = 'TemplateError'
    this.template = template
    this.kind = reason.kind
  }
}

function shortened(template: string): string {
  return template.length > 500 ? `${template.slice(0, 500)}…` : template
}
