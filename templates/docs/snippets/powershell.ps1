$PingUrl = "{{ ping_url }}"

# Never throws, and gives up after three tries.
function Send-Ping($Ending = "", $Text = "") {
    foreach ($wait in 0, 2, 8) {
        Start-Sleep -Seconds $wait
        try {
            $null = Invoke-RestMethod -Method Post -TimeoutSec 10 -Uri "$PingUrl$Ending" `
                -ContentType "text/plain; charset=utf-8" -Body $Text -ErrorAction Stop
            return
        } catch {
            $problem = $_
        }
    }
    Write-Warning "ping failed: $problem"
}

Send-Ping "/start"
try {
    & C:\jobs\backup.exe
    if ($LASTEXITCODE -ne 0) { throw "backup.exe ended with $LASTEXITCODE" }
} catch {
    Send-Ping "/fail" "$_"
    throw
}
Send-Ping
