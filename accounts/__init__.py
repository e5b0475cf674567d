"""People: users and guests, tenants and memberships, logins, the Actor, and the rules about who may do what."""
