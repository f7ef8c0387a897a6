// Tokens, and who may do what.
import jwt from "jsonwebtoken";

const secret = process.env.JWT_SECRET;

export class HttpError extends Error {
  constructor(status, message, extra = {}) {
    super(message);
    this.status = status;
    this.extra = extra;
  }
}

export const issueToken = (user) =>
  jwt.sign({ id: user.id, role: user.role }, secret, { algorithm: "HS256", expiresIn: "24h" });

export const verifyToken = (token) => jwt.verify(token, secret, { algorithms: ["HS256"] });

export const bearerToken = (headers) => headers.authorization?.match(/^Bearer +(\S+)$/i)?.[1];

export function signedIn(req, res, next) {
  const token = bearerToken(req.headers);
  if (!token) throw new HttpError(401, "please send jwt token");
  try {
    req.user = verifyToken(token);
  } catch {
    throw new HttpError(401, "Unauthorized, token missing or invalid");
  }
  next();
}

export const only = (role) => (req, res, next) => {
  if (req.user.role !== role) throw new HttpError(403, `Forbidden, ${role} access required`);
  next();
};
