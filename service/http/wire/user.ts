import { z } from 'zod'
import { principalKinds } from '../../access/principal.ts'
import type { User, WithPassword } from '../../contract/users.ts'
import { timestamp } from './names.ts'

export const role = z
  .enum(principalKinds)
  .meta({ description: 'What the user may do: docs/access.md.' })

/** Shorter ones are guessed; longer ones are no passwords. */
export const newPassword = z.string().min(12).max(200)

export const email = z
  .email()
  .max(200)
  .toLowerCase()
  .meta({ description: 'Small and capital letters are the same.' })

export const userCreate = z
  .strictObject({
    email,
    role,
    password: newPassword
      .optional()
      .meta({ description: 'At least 12 characters. Where it is left out one is made.' }),
  })
  .meta({ id: 'UserCreate' })

export const userChange = z.strictObject({ role }).meta({ id: 'UserChange' })

export const passwordReset = z
  .strictObject({
    password: newPassword
      .optional()
      .meta({ description: 'At least 12 characters. Where it is left out one is made.' }),
  })
  .optional()
  .meta({ id: 'PasswordReset' })

const fields = {
  id: z.string(),
  email: z.string(),
  role: z.enum(principalKinds),
  created_at: timestamp,
  last_login_at: timestamp.nullable(),
}

export const userDocument = z.object(fields).meta({ id: 'User' })

export const userWithPassword = z
  .object({
    ...fields,
    password: z.string().meta({ description: 'Shown this once: only its hash is kept.' }),
  })
  .meta({ id: 'UserWithPassword' })

export function userToWire(user: User): z.output<typeof userDocument> {
  return {
    ...{ id: user.id, email: user.email, role: user.role },
    created_at: user.createdAt,
    last_login_at: user.lastLoginAt,
  }
}

export function withPasswordToWire({
  user,
  password,
}: WithPassword): z.output<typeof userWithPassword> {
  return { ...userToWire(user), password }
}
