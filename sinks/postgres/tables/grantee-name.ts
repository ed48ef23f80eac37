/** SQL: who is given a right, of an entry of `aclexplode`; quoted for a GRANT or REVOKE. */
export const granteeName = `CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END`
