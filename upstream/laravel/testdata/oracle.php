<?php
// One line in, one line out: FUNCTION SPACE BASE64 -> what PHP makes of it.
require __DIR__ . '/show.php';
$functions = [
    'parse_str' => function ($s) { parse_str($s, $out); return show($out); },
    'json' => function ($s) { $v = json_decode($s); return show(is_object($v) || $s !== '' && is_array($v) ? (is_object($v) ? json_decode($s, true) : []) : []); },
    'email' => fn ($s) => filter_var($s, FILTER_VALIDATE_EMAIL) === false ? 'no' : 'yes',
    'strip_tags' => fn ($s) => show(strip_tags($s)),
    'json_encode' => fn ($s) => ($e = json_encode($s)) === false ? 'error' : $e,
];
error_reporting(0);
while (($line = fgets(STDIN)) !== false) {
    [$function, $input] = explode(' ', rtrim($line, "\n"), 2);
    fwrite(STDOUT, $functions[$function](base64_decode($input)) . "\n");
}
