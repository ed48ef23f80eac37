import { z } from 'zod'
import { principalKinds } from '../platform/access/principal.ts'
import { timestamp } from '../platform/fields.ts'
import { snakeCaseSchema, type Resource } from '../platform/wire.ts'

export const role = z
  .enum(principalKinds)
  .meta({ description: 'The rights of the user: docs/access.md.' })

/** Shorter ones can be guessed; longer ones are not passwords. */
export const newPassword = z.string().min(12).max(200)

export const email = z.email().max(200).toLowerCase().meta({ description: 'Not case-sensitive.' })

export const userCreate = z
  .strictObject({
    email,
    role,
    /** Absent: one is generated. */
    password: newPassword
      .exactOptional()
      .meta({ description: 'At least 12 characters. Default: one is generated.' }),
  })
  .meta({ id: 'UserCreate' })
export type UserDetails = Resource<typeof userCreate>

export const userChange = z.strictObject({ role }).meta({ id: 'UserChange' })

export const passwordReset = z
  .strictObject({
    /** Absent: one is generated. */
    password: newPassword
      .exactOptional()
      .meta({ description: 'At least 12 characters. Default: one is generated.' }),
  })
  .optional()
  .meta({ id: 'PasswordReset' })

const fields = {
  id: z.string(),
  /** In lower case; unique. */
  email: z.string(),
  role: z.enum(principalKinds),
  createdAt: timestamp,
  lastLoginAt: timestamp.nullable(),
}

/** A person who logs in here, with e-mail and password, if no Identity service is configured. */
export const userSchema = z.object(fields).meta({ id: 'User' })
export type User = Resource<typeof userSchema>
export const userDocument = snakeCaseSchema(userSchema)

export const userWithPasswordSchema = z
  .object({
    ...fields,
    password: z
      .string()
      .meta({ description: 'Shown only once: the service stores only its hash.' }),
  })
  .meta({ id: 'UserWithPassword' })
export type UserWithPassword = Resource<typeof userWithPasswordSchema>
export const userWithPassword = snakeCaseSchema(userWithPasswordSchema)
