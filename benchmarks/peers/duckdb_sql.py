"""Hand-written DuckDB SQL with the same 19 columns, unkeyed. `python duckdb_sql.py IN OUT`.

Pouch also has, and this SQL has not: keys, normal forms of any country, reversible encryption (SHA-256 in its
place), keyed row order, quarantine, the gate that re-reads the bytes, manifests.
"""

import sys

import duckdb

source, target = sys.argv[1:]
duckdb.sql(f"""
    COPY (
        SELECT
            left(sha256(order_number), 32)                                   AS order_number,
            left(sha256(account_id), 32)                                     AS account_id,
            '[NICKNAME]'                                                     AS nickname,
            left(consignee_name, 1) || '*******'                             AS consignee_name,
            sha256(receiving_address)                                        AS receiving_address,
            city,
            left(postcode, 2)                                                AS postcode,
            left(sha256(regexp_replace(mobile, '[^0-9+]', '', 'g')), 32)     AS mobile,
            left(sha256(lower(trim(email))), 32)                             AS email,
            product,
            category,
            quantity::BIGINT                                                 AS quantity,
            CASE WHEN amount::DECIMAL(18, 2) < 20 THEN '<20'
                 WHEN amount::DECIMAL(18, 2) < 50 THEN '20-50'
                 WHEN amount::DECIMAL(18, 2) < 100 THEN '50-100'
                 WHEN amount::DECIMAL(18, 2) < 200 THEN '100-200'
                 WHEN amount::DECIMAL(18, 2) < 500 THEN '200-500'
                 WHEN amount IS NULL THEN NULL
                 ELSE '>=500' END                                            AS amount,
            date_trunc('hour', order_time::TIMESTAMP)                        AS order_time,
            payment_method,
            '************' || right(bank_card, 4)                            AS bank_card,
            regexp_replace(ip, '^([0-9]+[.][0-9]+[.][0-9]+)[.][0-9]+$', '\\1.0/24') AS ip,
            '************' || right(device_id, 4)                            AS device_id,
            delivery_status
        FROM read_csv('{source}', header = true, all_varchar = true)
    ) TO '{target}' (FORMAT parquet)
""")
