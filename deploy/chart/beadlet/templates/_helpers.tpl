{{- define "beadlet.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The controllers and what is theirs. */}}
{{- define "beadlet.controller" -}}
{{- include "beadlet.fullname" . }}-controller
{{- end -}}

{{/* What belongs to the cluster is told apart by the release's namespace where several releases may be in one cluster. */}}
{{- define "beadlet.rigs" -}}
{{- printf "%s-rigs-%s" (include "beadlet.controller" .) .Release.Namespace -}}
{{- end -}}

{{- define "beadlet.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "beadlet.labels" -}}
{{ include "beadlet.selector" . }}
app.kubernetes.io/part-of: beadlet
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "beadlet.serviceAccount" -}}
{{- default (include "beadlet.controller" .) .Values.serviceAccount.name -}}
{{- end -}}

{{/* Takes a dict of the root and an image. */}}
{{- define "beadlet.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The service account as the subject of a binding. */}}
{{- define "beadlet.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "beadlet.serviceAccount" . }}
    namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* What all pods have in common. */}}
{{- define "beadlet.pod" -}}
serviceAccountName: {{ include "beadlet.serviceAccount" . }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where BeadStores, Polecats and Convoys are looked after. */}}
{{- define "beadlet.scopeEnv" -}}
- name: BEADLET_LEASE_NAME
  value: {{ include "beadlet.controller" . }}
{{- if eq .Values.scope "Namespace" }}
- name: BEADLET_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- end }}
{{- end -}}

{{/* Takes the weight. */}}
{{- define "beadlet.releaseHook" -}}
helm.sh/hook: pre-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
