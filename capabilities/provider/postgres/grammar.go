package postgres

import "strings"

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// nodes are the parts of the grammar that a statement may have. Everything else
// is refused: COPY, DO, SET, CALL, functions, triggers, roles, cursors.
var nodes = set(`
	SelectStmt InsertStmt UpdateStmt DeleteStmt TruncateStmt
	CreateStmt AlterTableStmt AlterTableCmd DropStmt IndexStmt ViewStmt ColumnDef Constraint
	A_ArrayExpr A_Const A_Expr A_Indices A_Indirection A_Star BitString BoolExpr Boolean BooleanTest CaseExpr CaseWhen
	CoalesceExpr CollateClause ColumnRef CommonTableExpr Float FuncCall GroupingFunc GroupingSet IndexElem Integer JoinExpr List
	LockingClause MinMaxExpr MultiAssignRef NamedArgExpr NullTest ParamRef RangeFunction RangeSubselect RangeVar ResTarget RowExpr
	SQLValueFunction SetToDefault SortBy String SubLink TypeCast TypeName WindowDef`)

// functions compute from their arguments, and read nothing else. What is left
// out reads files, other databases, settings, large objects, sequences, the
// server's state, or runs text as SQL.
var functions = set(`
	abs acos acosd acosh age array_agg array_append array_cat array_dims array_length array_lower array_ndims array_position
	array_positions array_prepend array_remove array_replace array_to_json array_to_string array_upper ascii asin asind asinh atan
	atan2 atan2d atand atanh avg bit_and bit_count bit_length bit_or bit_xor bool_and bool_or btrim cardinality cbrt ceil ceiling
	char_length character_length chr clock_timestamp concat concat_ws convert_from convert_to corr cos cosd cosh cot count
	covar_pop covar_samp cume_dist date_bin date_part date_trunc decode degrees dense_rank div encode every exp extract
	factorial first_value floor format gcd gen_random_uuid generate_series generate_subscripts get_bit get_byte greatest initcap
	isfinite json_agg json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each
	json_each_text json_extract_path json_extract_path_text json_object json_object_agg json_object_keys json_strip_nulls
	json_typeof jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object
	jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg
	jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_pretty
	jsonb_set jsonb_strip_nulls jsonb_typeof justify_days justify_hours justify_interval lag last_value lcm lead least left length
	ln log log10 lower lpad ltrim make_date make_interval make_time make_timestamp make_timestamptz max md5 min min_scale mod mode
	now nth_value ntile nullif num_nonnulls num_nulls numnode octet_length overlay parse_ident percent_rank percentile_cont
	percentile_disc phraseto_tsquery pi plainto_tsquery position power quote_ident quote_literal quote_nullable radians random rank
	regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table
	regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse
	right round row_number row_to_json rpad rtrim scale set_bit set_byte sha224 sha256 sha384 sha512 sign sin sind sinh split_part
	sqrt starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array string_to_table strpos substr
	substring sum tan tand tanh timezone to_char to_date to_hex to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector
	transaction_timestamp translate trim trim_array trim_scale trunc ts_headline ts_rank ts_rank_cd unnest upper var_pop var_samp
	variance websearch_to_tsquery width_bucket`)

// sqlValues are the ones of SQLValueFunction that tell the time, and not who asks.
var sqlValues = set(`SVFOP_CURRENT_DATE SVFOP_CURRENT_TIME SVFOP_CURRENT_TIME_N SVFOP_CURRENT_TIMESTAMP SVFOP_CURRENT_TIMESTAMP_N
	SVFOP_LOCALTIME SVFOP_LOCALTIME_N SVFOP_LOCALTIMESTAMP SVFOP_LOCALTIMESTAMP_N`)

// alterations are the changes of a table that are known to stay within it.
var alterations = set(`AT_AddColumn AT_DropColumn AT_ColumnDefault AT_SetNotNull AT_DropNotNull AT_AlterColumnType
	AT_AddConstraint AT_DropConstraint AT_ValidateConstraint`)
