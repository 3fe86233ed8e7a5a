-- The holders of named roles must have a second factor (requirement M-02), as
-- the mirror of roles knows them.
CREATE OR REPLACE VIEW second_factors WITH (security_invoker = true) AS
SELECT u.tenant_id, u.id AS user_id,
    t.mfa_policy,
    t.mfa_policy = 'REQUIRED'
        OR t.mfa_policy = 'OPTIONAL' AND t.factor_required_role_ids <> '{}' AND EXISTS (
            SELECT FROM held_roles h WHERE h.tenant_id = u.tenant_id AND h.user_id = u.id
                AND h.role_id = ANY (t.factor_required_role_ids)) AS required,
    t.factor_sms_allowed AS sms_allowed,
    EXISTS (SELECT FROM totp_factors f
            WHERE f.tenant_id = u.tenant_id AND f.user_id = u.id) AS totp_enrolled,
    EXISTS (SELECT FROM sms_factors f
            WHERE f.tenant_id = u.tenant_id AND f.user_id = u.id) AS sms_enrolled,
    (SELECT count(*) FROM recovery_codes c
     WHERE c.tenant_id = u.tenant_id AND c.user_id = u.id)::integer AS recovery_codes_left
FROM users u
JOIN tenants t ON t.tenant_id = u.tenant_id;
